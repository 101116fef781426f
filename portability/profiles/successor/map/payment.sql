select
  cast(t.id as varchar) as id,
  'receipts/' || t.id as source_key,
  t.direction as direction,
  t.dated_on as payment_date,
  cast(t.client_id as varchar) as client_id,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.payer_id as varchar) as payer_contact_id,
  t.amount as amount,
  t.currency as currency,
  case t.method when 'transfer' then 'bank_transfer' when 'debit' then 'direct_debit' when 'standing' then 'standing_order'
    when 'internal' then 'transfer_from_client_account' when 'legal_aid' then 'legal_aid_agency' else t.method end as method,
  t.reference as reference,
  t.book as received_side,
  cast(t.bank_account_id as varchar) as bank_account_id,
  cast(t.journal_id as varchar) as ledger_transaction_id,
  case t.state when 'expected' then 'pending' when 'bounced' then 'reversed' else t.state end as status,
  t.notes as notes
from source.receipts as t
