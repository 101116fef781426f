-- A debit is above zero; the stated balance of a client ledger is turned back to credits.
select
  t.journal_id || '/' || t.position as id,
  'postings/' || t.journal_id || '/' || t.position as source_key,
  cast(t.journal_id as varchar) as transaction_id,
  t.position as line_number,
  cast(t.account_id as varchar) as ledger_account_id,
  a.book as side,
  cast(greatest(t.amount_pence, 0) as decimal(17, 0)) * 0.01 as debit,
  cast(greatest(-t.amount_pence, 0) as decimal(17, 0)) * 0.01 as credit,
  a.currency as currency,
  t.posted_on as posting_date,
  t.account_sequence as sequence,
  cast(case when a.kind in ('matter_client', 'matter_designated_deposit') then -t.stated_balance_pence else t.stated_balance_pence end
    as decimal(17, 0)) * 0.01 as source_running_balance,
  cast(t.tax_rate_id as varchar) as vat_code_id,
  t.cleared_on as cleared_on,
  t.text as description
from source.postings as t
join source.accounts as a on a.id = t.account_id
