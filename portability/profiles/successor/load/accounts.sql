-- The entity of a ledger is its matter's or its bank account's; of a nominal account the one whose ledgers it is posted with.
with known as (
  select
    a.id,
    coalesce(o.firm_id, h.firm_id, bo.firm_id, (select case when count(*) = 1 then min(x.id) end from firm as x)) as firm_id
  from ledger_account as a
  left join matter as m on m.id = a.matter_id
  left join office as o on o.id = m.office_id
  left join "user" as h on h.id = m.fee_earner_id
  left join bank_account as b on b.id = a.bank_account_id
  left join office as bo on bo.id = b.office_id
),
postings as (
  select e.transaction_id, min(k.firm_id) as firm_id
  from ledger_entry as e
  join known as k on k.id = e.ledger_account_id
  group by e.transaction_id
  having min(k.firm_id) = max(k.firm_id)
),
inferred as (
  select e.ledger_account_id, min(p.firm_id) as firm_id
  from ledger_entry as e
  join postings as p on p.transaction_id = e.transaction_id
  where e.ledger_account_id in (select k.id from known as k where k.firm_id is null)
  group by e.ledger_account_id
  having min(p.firm_id) = max(p.firm_id)
)
select
  a.id as _id,
  coalesce(k.firm_id, i.firm_id) as legal_entity_id,
  a.code as code,
  a.name as name,
  a.side as book,
  a.account_class as kind,
  a.matter_id as matter_id,
  a.client_id as client_id,
  a.currency as currency,
  a.source_balance * 100 as stated_pence,
  a.is_active as is_open
from ledger_account as a
join known as k on k.id = a.id
left join inferred as i on i.ledger_account_id = a.id
where not a.is_deleted
