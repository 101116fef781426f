select
  'role/' || t.staff_id || '/' || t.role_id as id,
  'staff_roles/' || t.staff_id || '/' || t.role_id as source_key,
  'role_membership' as grant_type,
  cast(t.staff_id as varchar) as user_id,
  cast(t.role_id as varchar) as role_id,
  cast(null as varchar) as resource_entity,
  cast(null as varchar) as resource_id,
  cast(null as varchar) as permission,
  cast(null as varchar) as reason,
  from_utc(t.since) as valid_from,
  from_utc(t.until) as valid_to
from source.staff_roles as t
union all
select
  'barrier/' || b.id,
  'barriers/' || b.id,
  case when flag(b.is_deny) then 'deny' else 'allow' end,
  cast(b.staff_id as varchar),
  null,
  'matter',
  cast(b.matter_id as varchar),
  b.permission,
  b.reason,
  from_utc(b.since),
  from_utc(b.until)
from source.barriers as b
