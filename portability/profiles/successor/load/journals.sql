select
  t.id as _id,
  t.transaction_number as number,
  t.posting_type as kind,
  t.posting_date as posted_on,
  timezone('UTC', t.entered_at) as keyed_at,
  t.entered_by_id as keyed_by,
  t.authorised_by_id as authorised_by,
  t.matter_id as matter_id,
  t.reference as reference,
  t.narrative as narrative,
  t.payee_contact_id as payee_id,
  t.period as period,
  t.reverses_transaction_id as reverses_id,
  t.bill_id as invoice_id
from ledger_transaction as t
where not t.is_deleted
