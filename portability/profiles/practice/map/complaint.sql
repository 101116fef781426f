select
  cast(t.CMP_ID as varchar) as id,
  'COMPLNT/' || t.CMP_ID as source_key,
  cast(t.CL_ID as varchar) as client_id,
  cast(t.MTR_ID as varchar) as matter_id,
  t.REC_DT as received_on,
  t.CATEG as category,
  t.SUMMARY as summary,
  cast(t.HANDLER as varchar) as handler_user_id,
  case t.STATUS when 'O' then 'open' when 'R' then 'resolved' when 'U' then 'upheld' when 'J' then 'rejected' else t.STATUS end as status,
  t.RESP_DT as responded_on,
  t.RESOLVED as resolved_on,
  t.OUTCOME as outcome,
  t.REDRESS as redress_amount,
  t.LEO_REF as ombudsman_reference
from source.COMPLNT as t
