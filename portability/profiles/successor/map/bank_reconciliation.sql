select
  cast(t.id as varchar) as id,
  'reconciliations/' || t.id as source_key,
  cast(t.bank_account_id as varchar) as bank_account_id,
  t.as_at as as_at,
  t.statement_balance as statement_balance,
  t.book_balance as cash_book_balance,
  t.client_ledgers as client_ledger_total,
  t.unpresented as unpresented_total,
  t.outstanding as outstanding_lodgements,
  t.difference as difference,
  cast(t.prepared_by as varchar) as prepared_by_id,
  cast(t.signed_by as varchar) as signed_off_by_id,
  from_utc(t.signed_at) as signed_off_at
from source.reconciliations as t
