-- The diary; key dates, as whole days that say so; and tasks with a day.
with entries as (
  select
    'event/' || e.id as _id, e.matter_id, e.organiser_id as user_id, e.summary as task, e.starts_at, e.ends_at, e.all_day, e.status = 'done' as done,
    e.description as notes, e.location, e.created_at, cast(null as varchar) as _reject
  from calendar_event as e
  where not e.is_deleted
  union all
  select
    'key_date/' || k.id, k.matter_id, k.responsible_user_id, 'KEY DATE (' || k.date_type || '): ' || k.description,
    coalesce(k.due_at, from_local(cast(k.due_on as timestamp))), null, k.due_at is null, k.status <> 'pending', null, null, k.created_at, null
  from key_date as k
  where not k.is_deleted
  union all
  select
    'task/' || t.id, t.matter_id, t.assignee_id, 'Task: ' || t.title, t.due_at, null, true, t.status in ('done', 'cancelled'), t.description, null,
    t.created_at, case when t.due_at is null then 'a task without a day has no place in the target' end
  from task as t
  where not t.is_deleted
)
select
  e._id as _id,
  e.matter_id as case_id,
  coalesce(e.user_id, '$import') as set_by,
  e.task as task,
  cast(to_local(coalesce(e.created_at, e.starts_at)) as date) as date_set,
  to_local(e.starts_at) as start,
  strftime(to_local(e.starts_at), '%m/%d/%Y %I:%M %p') as start_text,
  coalesce(strftime(to_local(e.ends_at), '%m/%d/%Y %I:%M %p'), '') as end_text,
  to_local(e.ends_at) as "end",
  case when e.all_day then 1 else 0 end as all_day,
  case when e.done then 'done' else 'pending' end as status,
  coalesce(e.notes, '') as notes,
  coalesce(e.location, '') as location,
  to_local(coalesce(e.created_at, e.starts_at)) as time_added,
  case when e.matter_id is null then 'a diary entry that is on no matter has no place in the target' else e._reject end as _reject
from entries as e
