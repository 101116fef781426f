select
  cast(t.id as varchar) as id,
  'audit_log/' || t.id as source_key,
  from_utc(t.at) as occurred_at,
  cast(t.staff_id as varchar) as user_id,
  t.who as user_label,
  t.action as action,
  cast(t.matter_id as varchar) as matter_id,
  t.text as description,
  t.changes as changes,
  t.address as ip_address,
  {'subject': t.subject} as extras
from source.audit_log as t
