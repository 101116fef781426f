select
  cast(t.REC_ID as varchar) as id,
  'BANK_REC/' || t.REC_ID as source_key,
  cast(t.BANK_ID as varchar) as bank_account_id,
  t.AS_AT as as_at,
  t.STMT_BAL as statement_balance,
  t.BOOK_BAL as cash_book_balance,
  t.LEDG_TOT as client_ledger_total,
  t.UNPRES as unpresented_total,
  t.LODGE as outstanding_lodgements,
  t.DIFF as difference,
  cast(t.PREP_BY as varchar) as prepared_by_id,
  cast(t.SIGN_BY as varchar) as signed_off_by_id,
  from_local(t.SIGN_AT) as signed_off_at
from source.BANK_REC as t
