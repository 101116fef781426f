select
  'event/' || e.id as _id,
  'event/' || e.id as event_id,
  e.matter_id as matter_id,
  coalesce(e.created_by_id, '$import') as created_by_user_pid,
  coalesce(e.updated_by_id, e.created_by_id, '$import') as modified_by_user_pid,
  case when e.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(e.created_at, e.updated_at, e.starts_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(e.updated_at, e.created_at, e.starts_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when e.is_deleted then timezone('UTC', coalesce(e.deleted_at, e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from calendar_event as e
where e.matter_id is not null
union all by name
select
  'key_date/' || k.id as _id,
  'key_date/' || k.id as event_id,
  k.matter_id as matter_id,
  coalesce(k.created_by_id, '$import') as created_by_user_pid,
  coalesce(k.updated_by_id, k.created_by_id, '$import') as modified_by_user_pid,
  case when k.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(k.created_at, k.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(k.updated_at, k.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when k.is_deleted then timezone('UTC', coalesce(k.deleted_at, k.updated_at, k.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from key_date as k
where k.matter_id is not null
