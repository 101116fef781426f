select
  'task/' || t.id as _id,
  'task' as kind,
  t.workflow_name as category,
  t.matter_id as matter_id,
  cast(null as varchar) as client_id,
  t.title as title,
  t.description as details,
  t.assignee_id as owner_id,
  t.assigned_by_id as set_by,
  t.priority as urgency,
  false as is_critical,
  t.status as state,
  cast(null as date) as due_on,
  timezone('UTC', t.due_at) as due_at,
  cast(null as bigint) as remind_days,
  timezone('UTC', t.completed_at) as done_at,
  t.completed_by_id as done_by,
  'task/' || t.parent_task_id as parent_id
from task as t
where not t.is_deleted
union all
select
  'key_date/' || k.id,
  'key_date',
  k.date_type,
  k.matter_id,
  k.client_id,
  k.description,
  null,
  k.responsible_user_id,
  null,
  null,
  k.is_critical,
  k.status,
  k.due_on,
  timezone('UTC', k.due_at),
  k.reminder_days,
  timezone('UTC', k.completed_at),
  k.completed_by_id,
  null
from key_date as k
where not k.is_deleted
