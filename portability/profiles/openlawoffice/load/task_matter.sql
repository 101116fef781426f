select
  'task/' || t.id as _id,
  'task/' || t.id as task_id,
  t.matter_id as matter_id,
  coalesce(t.created_by_id, '$import') as created_by_user_pid,
  coalesce(t.updated_by_id, t.created_by_id, '$import') as modified_by_user_pid,
  case when t.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(t.created_at, t.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when t.is_deleted then timezone('UTC', coalesce(t.deleted_at, t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from task as t
where t.matter_id is not null
union all by name
select
  'time/' || m.matter_id as _id,
  'time/' || m.matter_id as task_id,
  m.matter_id as matter_id,
  '$import' as created_by_user_pid,
  '$import' as modified_by_user_pid,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_created,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_modified
from (select distinct e.matter_id from time_entry as e) as m
