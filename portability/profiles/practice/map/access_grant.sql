-- Roles that users hold, and information barriers: a user who may not see a matter.
select
  'role/' || t.USER_ID || '/' || t.ROLE_ID as id,
  'USR_ROLE/' || t.USER_ID || '/' || t.ROLE_ID as source_key,
  'role_membership' as grant_type,
  cast(t.USER_ID as varchar) as user_id,
  cast(t.ROLE_ID as varchar) as role_id,
  cast(null as varchar) as resource_entity,
  cast(null as varchar) as resource_id,
  cast(null as varchar) as reason,
  cast(null as timestamptz) as valid_from
from source.USR_ROLE as t
union all
select
  'wall/' || w.WALL_ID,
  'ETH_WALL/' || w.WALL_ID,
  'deny',
  cast(w.USER_ID as varchar),
  null,
  'matter',
  cast(w.MTR_ID as varchar),
  w.REASON,
  from_local(cast(w.FROM_DT as timestamp))
from source.ETH_WALL as w
