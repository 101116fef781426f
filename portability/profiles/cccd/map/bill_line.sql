-- Fees are costs, expenses and disbursements are disbursements. VAT on fees is worked out once for the whole claim and
-- has a line of its own.
with lines as (
  select
    'fees/' || f.id as id, 1 as part, f.id as place, f.claim_id, 'costs' as line_type,
    coalesce(t.description, f.type) as description, f.date as line_date,
    f.quantity as quantity, f.rate as rate, f.amount as amount, null as vat, null as gross,
    f.created_at, f.updated_at,
    {
      'type': f.type, 'fee_type_id': f.fee_type_id, 'sub_type_id': f.sub_type_id, 'case_numbers': f.case_numbers,
      'price_calculated': f.price_calculated, 'uuid': f.uuid
    } as extras
  from source.fees as f
  left join source.fee_types as t on t.id = f.fee_type_id
),
expenses as (
  select
    'expenses/' || e.id as id, 2 as part, e.id as place, e.claim_id, 'disbursement' as line_type,
    coalesce(t.name, 'Expense') as description, e.date as line_date,
    coalesce(cast(e.distance as varchar), cast(e.hours as varchar), cast(e.quantity as varchar)) as quantity,
    e.rate as rate, e.amount as amount, e.vat_amount as vat, null as gross, e.created_at, e.updated_at,
    {
      'expense_type_id': e.expense_type_id, 'distance': e.distance, 'calculated_distance': e.calculated_distance,
      'hours': e.hours, 'quantity': e.quantity, 'mileage_rate_id': e.mileage_rate_id, 'location': e.location,
      'location_type': e.location_type, 'reason_id': e.reason_id, 'reason_text': e.reason_text,
      'schema_version': e.schema_version, 'uuid': e.uuid
    } as extras
  from source.expenses as e
  left join source.expense_types as t on t.id = e.expense_type_id
),
paid_for as (
  select
    'disbursements/' || d.id as id, 3 as part, d.id as place, d.claim_id, 'disbursement' as line_type,
    coalesce(t.name, 'Disbursement') as description, null as line_date,
    null as quantity, null as rate, d.net_amount as amount, d.vat_amount as vat,
    d.total as gross, d.created_at, d.updated_at,
    {'disbursement_type_id': d.disbursement_type_id, 'uuid': d.uuid} as extras
  from source.disbursements as d
  left join source.disbursement_types as t on t.id = d.disbursement_type_id
),
fee_vat as (
  select
    'claims/' || c.id || '/fees_vat' as id, 4 as part, c.id as place, c.id as claim_id, 'adjustment' as line_type,
    'VAT on fees' as description, null as line_date, null as quantity, null as rate, null as amount, c.fees_vat as vat,
    null as gross, c.created_at, c.updated_at, null as extras
  from source.claims as c
),
together as (
  -- as text: a database that happens to hold no fractions types a column otherwise than its neighbour
  select id, part, place, claim_id, line_type, description, line_date, cast(quantity as varchar) as quantity,
    cast(rate as varchar) as rate,
    cast(amount as varchar) as amount, cast(vat as varchar) as vat, cast(gross as varchar) as gross,
    created_at, updated_at, extras from lines
  union all
  select id, part, place, claim_id, line_type, description, line_date, quantity, cast(rate as varchar),
    cast(amount as varchar),
    cast(vat as varchar), null, created_at, updated_at, extras from expenses
  union all
  select id, part, place, claim_id, line_type, description, null, null, null, cast(amount as varchar),
    cast(vat as varchar),
    cast(gross as varchar), created_at, updated_at, extras from paid_for
  union all
  select id, part, place, claim_id, line_type, description, null, null, null, null, cast(vat as varchar), null,
    created_at, updated_at, null
  from fee_vat
)
select
  l.id,
  case when l.part = 4 then 'claims/' || l.place else l.id end as source_key,
  cast(l.claim_id as varchar) as bill_id,
  row_number() over (partition by l.claim_id order by l.part, l.place) as line_number,
  cast(l.claim_id as varchar) as matter_id,
  l.line_type,
  l.description,
  l.line_date,
  exact_money(l.quantity) as quantity,
  exact_money(l.rate) as unit_price,
  exact_money(coalesce(l.amount, '0')) as net_amount,
  exact_money(coalesce(l.vat, '0')) as vat_amount,
  -- a disbursement's gross is stated, the others' is not
  coalesce(exact_money(l.gross), exact_money(coalesce(l.amount, '0')) + exact_money(coalesce(l.vat, '0')))
    as gross_amount,
  from_utc(l.created_at) as created_at,
  from_utc(l.updated_at) as updated_at,
  l.extras,
  {
    'quantity': case when exact_money(l.quantity) is null then l.quantity end,
    'unit_price': case when exact_money(l.rate) is null then l.rate end,
    'net_amount': case when exact_money(l.amount) is null then l.amount end,
    'vat_amount': case when exact_money(l.vat) is null then l.vat end,
    'gross_amount': case when exact_money(l.gross) is null then l.gross end
  } as unreadable
from together as l
