-- Diary entries; and key dates, as whole days that say so. A whole day ends at the midnight after it.
select
  'event/' || e.id as _id,
  e.summary as title,
  e.all_day as allday,
  timezone('UTC', case when e.all_day then coalesce(from_local(cast(e.start_date as timestamp)), e.starts_at) else e.starts_at end) as start,
  timezone('UTC', case when e.all_day then coalesce(from_local(cast(e.end_date + 1 as timestamp)), e.ends_at) else e.ends_at end) as "end",
  e.location as location,
  e.description as description,
  coalesce(e.created_by_id, '$import') as created_by_user_pid,
  coalesce(e.updated_by_id, e.created_by_id, '$import') as modified_by_user_pid,
  case when e.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(e.created_at, e.updated_at, e.starts_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(e.updated_at, e.created_at, e.starts_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when e.is_deleted then timezone('UTC', coalesce(e.deleted_at, e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from calendar_event as e
union all by name
select
  'key_date/' || k.id as _id,
  'KEY DATE (' || k.date_type || ', ' || k.status || '): ' || k.description as title,
  true as allday,
  timezone('UTC', from_local(cast(k.due_on as timestamp))) as start,
  timezone('UTC', from_local(cast(k.due_on + 1 as timestamp))) as "end",
  coalesce(k.created_by_id, '$import') as created_by_user_pid,
  coalesce(k.updated_by_id, k.created_by_id, '$import') as modified_by_user_pid,
  case when k.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(k.created_at, k.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(k.updated_at, k.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when k.is_deleted then timezone('UTC', coalesce(k.deleted_at, k.updated_at, k.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from key_date as k
