-- Who may not, or who alone may, see a matter. Grants on other things have no place in the successor.
select
  g.id as _id,
  g.user_id as staff_id,
  g.resource_id as matter_id,
  g.grant_type = 'deny' as is_deny,
  g.permission as permission,
  g.reason as reason,
  timezone('UTC', g.valid_from) as since,
  timezone('UTC', g.valid_to) as until
from access_grant as g
where g.grant_type in ('allow', 'deny') and g.resource_entity = 'matter' and g.user_id is not null and not g.is_deleted
