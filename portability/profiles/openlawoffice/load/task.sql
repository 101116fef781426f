-- Tasks; and for each matter with time one task that the time hangs on, because time reaches a matter by its tasks alone.
select
  'task/' || t.id as _id,
  t.title as title,
  coalesce(t.description, '') as description,
  timezone('UTC', t.due_at) as due_date,
  timezone('UTC', t.completed_at) as actual_end,
  'task/' || t.parent_task_id as parent_id,
  false as is_grouping_task,
  t.status in ('not_started', 'in_progress') as active,
  coalesce(t.created_by_id, '$import') as created_by_user_pid,
  coalesce(t.updated_by_id, t.created_by_id, '$import') as modified_by_user_pid,
  case when t.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(t.created_at, t.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when t.is_deleted then timezone('UTC', coalesce(t.deleted_at, t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from task as t
union all by name
select
  'time/' || m.matter_id as _id,
  'Time recorded' as title,
  '' as description,
  true as is_grouping_task,
  true as active,
  '$import' as created_by_user_pid,
  '$import' as modified_by_user_pid,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_created,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_modified
from (select distinct e.matter_id from time_entry as e) as m
