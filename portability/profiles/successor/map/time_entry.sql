select
  cast(t.id as varchar) as id,
  'time_records/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.staff_id as varchar) as fee_earner_id,
  t.worked_on as work_date,
  from_utc(t.started_at) as started_at,
  from_utc(t.ended_at) as ended_at,
  t.minutes as duration_minutes,
  t.billable_minutes as chargeable_minutes,
  cast(t.hourly_rate_pence as decimal(17, 0)) * 0.01 as rate,
  cast(t.value_pence as decimal(17, 0)) * 0.01 as value,
  t.currency as currency,
  t.activity as activity_code,
  t.narrative as narrative,
  case t.state when 'open' then 'wip' when 'on_invoice' then 'on_bill' when 'invoiced' then 'billed' when 'not_billable' then 'non_chargeable' else t.state end
    as status,
  cast(t.invoice_line_id as varchar) as bill_line_id,
  cast(t.tax_rate_id as varchar) as vat_code_id,
  from_utc(t.created_at) as created_at
from source.time_records as t
