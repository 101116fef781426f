-- That the time is billed, at nothing an hour: the money is in the bill's lines (invoice_fee).
select
  e.id as _id,
  l.bill_id as invoice_id,
  e.id as time_id,
  coalesce(e.narrative, '') as details,
  'PT' || cast(coalesce(e.chargeable_minutes, e.duration_minutes) * 60 as varchar) || 'S' as duration,
  cast(0 as decimal(19, 4)) as price_per_hour,
  coalesce(e.created_by_id, '$import') as created_by_user_pid,
  coalesce(e.updated_by_id, e.created_by_id, '$import') as modified_by_user_pid,
  case when e.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(e.created_at, e.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when e.is_deleted then timezone('UTC', coalesce(e.deleted_at, e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from time_entry as e
join bill_line as l on l.id = e.bill_line_id
