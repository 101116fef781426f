-- Days attended hang on a fee or on an expense (attended_item_type), and through it on a claim.
select
  cast(a.id as varchar) as id,
  'dates_attended/' || a.id as source_key,
  cast(coalesce(f.claim_id, e.claim_id) as varchar) as matter_id,
  'Attended: ' || coalesce(t.description, x.name, a.attended_item_type) as summary,
  'court_attendance' as event_type,
  from_local(cast(a.date as timestamp)) as starts_at,
  'Europe/London' as time_zone,
  true as all_day,
  a.date as start_date,
  coalesce(a.date_to, a.date) as end_date,
  'done' as status,
  from_utc(a.created_at) as created_at,
  from_utc(a.updated_at) as updated_at,
  {'attended_item_type': a.attended_item_type, 'attended_item_id': a.attended_item_id, 'date_to': a.date_to,
    'uuid': a.uuid}
    as extras
from source.dates_attended as a
left join source.fees as f on a.attended_item_type like 'Fee::%' and f.id = a.attended_item_id
left join source.fee_types as t on t.id = f.fee_type_id
left join source.expenses as e on a.attended_item_type = 'Expense' and e.id = a.attended_item_id
left join source.expense_types as x on x.id = e.expense_type_id
