-- Work without a clock begins at midnight of its day. The application makes money of time by the worker's rate; what was billed
-- is on the invoice (invoice_time) at nothing an hour, because the invoice's own lines hold the money.
with starts as (
  select e.id, coalesce(e.started_at, from_local(cast(e.work_date as timestamp))) as start from time_entry as e
)
select
  e.id as _id,
  timezone('UTC', s.start) as start,
  timezone('UTC', s.start + to_microseconds(cast(e.duration_minutes * 60000000 as bigint))) as stop,
  'user/' || e.fee_earner_id as worker_contact_id,
  e.narrative as details,
  e.status in ('draft', 'wip', 'on_bill', 'billed') as billable,
  coalesce(e.created_by_id, '$import') as created_by_user_pid,
  coalesce(e.updated_by_id, e.created_by_id, '$import') as modified_by_user_pid,
  case when e.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(e.created_at, e.updated_at, s.start, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(e.updated_at, e.created_at, s.start, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when e.is_deleted then timezone('UTC', coalesce(e.deleted_at, e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from time_entry as e
join starts as s on s.id = e.id
