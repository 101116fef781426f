-- The same expenses and disbursements as outlays on the matter, each pointing at its line of the claim.
with outlays as (
  select
    'disbursements/' || d.id as id, d.claim_id, t.unique_code as code, coalesce(t.name, 'Disbursement') as description,
    null as day,
    cast(d.net_amount as varchar) as net, cast(d.vat_amount as varchar) as vat, cast(d.total as varchar) as gross,
    d.created_at, d.updated_at
  from source.disbursements as d
  left join source.disbursement_types as t on t.id = d.disbursement_type_id
  union all
  select
    'expenses/' || e.id, e.claim_id, t.unique_code, coalesce(t.name, 'Expense'),
    e.date, cast(e.amount as varchar), cast(e.vat_amount as varchar), null, e.created_at, e.updated_at
  from source.expenses as e
  left join source.expense_types as t on t.id = e.expense_type_id
)
select
  o.id,
  o.id as source_key,
  cast(o.claim_id as varchar) as matter_id,
  o.code as disbursement_type,
  o.description,
  -- disbursements have no date of their own: the day they were entered
  coalesce(o.day, cast(timezone('Europe/London', from_utc(o.created_at)) as date)) as incurred_on,
  exact_money(coalesce(o.net, '0')) as net_amount,
  exact_money(coalesce(o.vat, '0')) as vat_amount,
  coalesce(exact_money(o.gross), exact_money(coalesce(o.net, '0')) + exact_money(coalesce(o.vat, '0'))) as gross_amount,
  'GBP' as currency,
  false as is_anticipated,
  case when c.state = 'draft' then 'on_bill' else 'billed' end as status,
  o.id as bill_line_id,
  from_utc(o.created_at) as created_at,
  from_utc(o.updated_at) as updated_at,
  coalesce(c.deleted_at is not null, false) as is_deleted,
  {'incurred_on_is': case when o.day is null then 'created_at' end} as extras,
  {
    'net_amount': case when exact_money(o.net) is null then o.net end,
    'vat_amount': case when exact_money(o.vat) is null then o.vat end,
    'gross_amount': case when exact_money(o.gross) is null then o.gross end
  } as unreadable
from outlays as o
left join source.claims as c on c.id = o.claim_id
