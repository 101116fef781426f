select
  cast(t.CT_ID as varchar) as id,
  'CT_MAST/' || t.CT_ID as source_key,
  cast(t.CT_ID as varchar) as contact_id,
  'marketing' as purpose,
  case t.MKT_OK when 'Y' then 'given' when 'N' then 'refused' else t.MKT_OK end as status
from source.CT_MAST as t
where t.MKT_OK <> ''
