-- One signed amount in pence: a debit is above zero. The stated balance keeps the sign of its ledger turned to debits.
select
  e.id as _id,
  e.transaction_id as journal_id,
  e.line_number as position,
  e.ledger_account_id as account_id,
  (e.debit - e.credit) * 100 as amount_pence,
  e.posting_date as posted_on,
  e.sequence as account_sequence,
  case when a.account_class in ('matter_client', 'matter_designated_deposit') then -e.source_running_balance else e.source_running_balance end
    * 100 as stated_balance_pence,
  e.vat_code_id as tax_rate_id,
  e.cleared_on as cleared_on,
  e.description as text
from ledger_entry as e
join ledger_account as a on a.id = e.ledger_account_id
where not e.is_deleted
