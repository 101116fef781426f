select
  t.id as _id,
  'task/' || t.id as task_id,
  t.assignee_id as user_pid,
  'Responsible' as responsibility,
  coalesce(t.created_by_id, '$import') as created_by_user_pid,
  coalesce(t.updated_by_id, t.created_by_id, '$import') as modified_by_user_pid,
  case when t.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(t.created_at, t.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when t.is_deleted then timezone('UTC', coalesce(t.deleted_at, t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from task as t
where t.assignee_id is not null
