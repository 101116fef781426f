select
  cast(t.TASK_ID as varchar) as id,
  'TASK_LST/' || t.TASK_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  t.TITLE as title,
  t.DETAIL as description,
  cast(t.ASSIGNEE as varchar) as assignee_id,
  cast(t.SET_BY as varchar) as assigned_by_id,
  case t.PRIO when 1 then 'high' when 2 then 'normal' when 3 then 'low' end as priority,
  case t.STATUS when 'O' then 'not_started' when 'P' then 'in_progress' when 'D' then 'done' when 'X' then 'cancelled' else t.STATUS end as status,
  from_local(cast(t.DUE_DT as timestamp)) as due_at,
  from_local(t.DONE_AT) as completed_at
from source.TASK_LST as t
