select
  t.id as _id,
  t.matter_id as matter_id,
  t.fee_earner_id as staff_id,
  t.work_date as worked_on,
  timezone('UTC', t.started_at) as started_at,
  timezone('UTC', t.ended_at) as ended_at,
  t.duration_minutes as minutes,
  t.chargeable_minutes as billable_minutes,
  t.rate * 100 as hourly_rate_pence,
  t.value * 100 as value_pence,
  t.currency as currency,
  t.activity_code as activity,
  t.narrative as narrative,
  t.status as state,
  t.bill_line_id as invoice_line_id,
  t.vat_code_id as tax_rate_id,
  timezone('UTC', t.created_at) as created_at
from time_entry as t
where not t.is_deleted
