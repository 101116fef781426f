select
  cast(t.POST_ID as varchar) as id,
  'LEDG_POST/' || t.POST_ID as source_key,
  t.POST_NO as transaction_number,
  case t.PTYPE
    when 'CRC' then 'client_receipt' when 'CPY' then 'client_payment' when 'ORC' then 'office_receipt' when 'DSB' then 'disbursement'
    when 'CTO' then 'client_to_office' when 'BIL' then 'bill' when 'WOF' then 'write_off' when 'JNL' then 'journal'
    else t.PTYPE
  end as posting_type,
  t.POST_DT as posting_date,
  from_local(t.KEYED) as entered_at,
  cast(t.KEYED_BY as varchar) as entered_by_id,
  cast(t.AUTH_BY as varchar) as authorised_by_id,
  cast(t.MTR_ID as varchar) as matter_id,
  t.REF as reference,
  t.NARR as narrative,
  cast(t.PAYEE_CT as varchar) as payee_contact_id,
  substr(t.PERIOD, 1, 4) || '-' || substr(t.PERIOD, 5, 2) as period,
  cast(t.BILL_ID as varchar) as bill_id
from source.LEDG_POST as t
