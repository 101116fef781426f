select
  a.id as _id,
  timezone('UTC', a.occurred_at) as at,
  a.user_id as staff_id,
  a.user_label as who,
  a.action as action,
  a.matter_id as matter_id,
  case when a.entity is not null then concat_ws('/', a.entity, a.entity_id) end as subject,
  a.description as text,
  a.changes as changes,
  a.ip_address as address
from audit_event as a
where not a.is_deleted
