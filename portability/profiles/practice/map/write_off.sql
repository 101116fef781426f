select
  cast(t.WO_ID as varchar) as id,
  'WRITE_OFF/' || t.WO_ID as source_key,
  case t.KIND when 'B' then 'bill' when 'T' then 'time' else t.KIND end as kind,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.TE_ID as varchar) as time_entry_id,
  cast(t.BILL_ID as varchar) as bill_id,
  t.NET as amount_net,
  t.VAT as vat_amount,
  t.WO_DT as written_off_on,
  cast(t.AUTH_BY as varchar) as authorised_by_id,
  t.REASON as reason,
  cast(t.POST_ID as varchar) as ledger_transaction_id
from source.WRITE_OFF as t
