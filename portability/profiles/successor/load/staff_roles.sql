select
  g.id as _id,
  g.user_id as staff_id,
  g.role_id as role_id,
  timezone('UTC', g.valid_from) as since,
  timezone('UTC', g.valid_to) as until
from access_grant as g
where g.grant_type = 'role_membership' and not g.is_deleted
