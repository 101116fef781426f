select
  r.id as _id,
  r.bank_account_id as bank_account_id,
  r.as_at as as_at,
  r.statement_balance as statement_balance,
  r.cash_book_balance as book_balance,
  r.client_ledger_total as client_ledgers,
  r.unpresented_total as unpresented,
  r.outstanding_lodgements as outstanding,
  r.difference as difference,
  r.prepared_by_id as prepared_by,
  r.signed_off_by_id as signed_by,
  timezone('UTC', r.signed_off_at) as signed_at
from bank_reconciliation as r
where not r.is_deleted
