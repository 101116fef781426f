select
  p.id as _id,
  p.direction as direction,
  p.payment_date as dated_on,
  p.client_id as client_id,
  p.matter_id as matter_id,
  p.payer_contact_id as payer_id,
  p.amount as amount,
  p.currency as currency,
  p.method as method,
  p.reference as reference,
  p.received_side as book,
  p.bank_account_id as bank_account_id,
  p.ledger_transaction_id as journal_id,
  p.status as state,
  p.notes as notes
from payment as p
where not p.is_deleted
