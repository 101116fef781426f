select
  'event/' || e.id as _id,
  'event/' || e.id as event_id,
  e.organiser_id as username,
  to_local(coalesce(e.created_at, e.starts_at)) as time_added
from calendar_event as e
where e.organiser_id is not null and not e.is_deleted
union all
select 'key_date/' || k.id, 'key_date/' || k.id, k.responsible_user_id, to_local(coalesce(k.created_at, from_local(cast(k.due_on as timestamp))))
from key_date as k
where k.responsible_user_id is not null and not k.is_deleted
union all
select 'task/' || t.id, 'task/' || t.id, t.assignee_id, to_local(coalesce(t.created_at, t.due_at))
from task as t
where t.assignee_id is not null and t.due_at is not null and not t.is_deleted
