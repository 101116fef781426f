select
  cast(t.id as varchar) as id,
  'bank_accounts/' || t.id as source_key,
  cast(t.branch_id as varchar) as office_id,
  t.kind as account_type,
  t.name as name,
  t.bank as bank_name,
  t.sort_code as sort_code,
  t.account_number as account_number,
  t.iban as iban,
  t.bic as bic,
  t.currency as currency,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.account_id as varchar) as nominal_account_id,
  t.opened_on as opened_on,
  t.closed_on as closed_on,
  cast(t.stated_pence as decimal(17, 0)) * 0.01 as source_balance,
  flag(t.is_open) as is_active
from source.bank_accounts as t
