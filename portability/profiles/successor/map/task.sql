select
  cast(t.id as varchar) as id,
  'work_items/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.title as title,
  t.details as description,
  cast(t.owner_id as varchar) as assignee_id,
  cast(t.set_by as varchar) as assigned_by_id,
  case t.urgency when 1 then 'low' when 2 then 'normal' when 3 then 'high' when 4 then 'urgent' end as priority,
  case t.state when 'todo' then 'not_started' when 'doing' then 'in_progress' when 'done' then 'done' else 'cancelled' end as status,
  from_utc(t.due_at) as due_at,
  from_utc(t.done_at) as completed_at,
  cast(t.done_by as varchar) as completed_by_id,
  cast(t.parent_id as varchar) as parent_task_id,
  t.category as workflow_name
from source.work_items as t
where t.kind = 'task'
