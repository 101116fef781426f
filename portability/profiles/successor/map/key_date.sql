select
  cast(t.id as varchar) as id,
  'work_items/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.client_id as varchar) as client_id,
  t.category as date_type,
  t.due_on as due_on,
  from_utc(t.due_at) as due_at,
  t.title as description,
  cast(t.owner_id as varchar) as responsible_user_id,
  t.remind_days as reminder_days,
  case t.state when 'todo' then 'pending' when 'doing' then 'pending' when 'done' then 'met' when 'missed' then 'missed' else 'vacated' end as status,
  from_utc(t.done_at) as completed_at,
  cast(t.done_by as varchar) as completed_by_id,
  flag(t.is_critical) as is_critical
from source.work_items as t
where t.kind = 'key_date'
