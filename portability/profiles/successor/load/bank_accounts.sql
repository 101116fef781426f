select
  b.id as _id,
  coalesce(b.nominal_account_id, c.account_id) as account_id,
  b.office_id as branch_id,
  b.account_type as kind,
  b.name as name,
  b.bank_name as bank,
  nullif(regexp_replace(b.sort_code, '[^0-9]', '', 'g'), '') as sort_code,
  b.account_number as account_number,
  b.iban as iban,
  b.bic as bic,
  b.currency as currency,
  b.matter_id as matter_id,
  b.opened_on as opened_on,
  b.closed_on as closed_on,
  b.source_balance * 100 as stated_pence,
  b.is_active as is_open
from bank_account as b
left join (
  select a.bank_account_id, min(a.id) as account_id
  from ledger_account as a
  where a.bank_account_id is not null and not a.is_deleted
  group by a.bank_account_id
  having count(*) = 1
) as c on c.bank_account_id = b.id
where not b.is_deleted
