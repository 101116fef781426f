select
  e.id as _id,
  'time/' || e.matter_id as task_id,
  e.id as time_id,
  coalesce(e.created_by_id, '$import') as created_by_user_pid,
  coalesce(e.updated_by_id, e.created_by_id, '$import') as modified_by_user_pid,
  case when e.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(e.created_at, e.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when e.is_deleted then timezone('UTC', coalesce(e.deleted_at, e.updated_at, e.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from time_entry as e
