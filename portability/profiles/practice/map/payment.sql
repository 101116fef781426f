select
  cast(t.PAY_ID as varchar) as id,
  'PAY_REC/' || t.PAY_ID as source_key,
  'received' as direction,
  t.PAY_DT as payment_date,
  cast(t.CL_ID as varchar) as client_id,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.CT_ID as varchar) as payer_contact_id,
  t.AMT as amount,
  'GBP' as currency,
  case t.METHOD
    when 'BT' then 'bank_transfer' when 'CD' then 'card' when 'CQ' then 'cheque' when 'CA' then 'cash' when 'TC' then 'transfer_from_client_account'
    else 'other'
  end as method,
  t.REF as reference,
  case t.SIDE when 'C' then 'client' when 'O' then 'office' else t.SIDE end as received_side,
  cast(t.BANK_ID as varchar) as bank_account_id,
  cast(t.POST_ID as varchar) as ledger_transaction_id,
  case t.STATUS when 'P' then 'pending' when 'C' then 'cleared' when 'R' then 'reversed' else t.STATUS end as status
from source.PAY_REC as t
