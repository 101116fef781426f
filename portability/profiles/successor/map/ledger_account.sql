select
  cast(t.id as varchar) as id,
  'accounts/' || t.id as source_key,
  t.code as code,
  t.name as name,
  t.kind as account_class,
  t.book as side,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.client_id as varchar) as client_id,
  cast(b.id as varchar) as bank_account_id,
  t.currency as currency,
  cast(t.stated_pence as decimal(17, 0)) * 0.01 as source_balance,
  flag(t.is_open) as is_active,
  {'legal_entity_id': t.legal_entity_id} as extras
from source.accounts as t
left join source.bank_accounts as b on b.account_id = t.id
