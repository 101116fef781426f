select
  cast(t.id as varchar) as id,
  'roles/' || t.id as source_key,
  t.name as name,
  t.kind as kind,
  t.description as description,
  t.permissions as permissions,
  flag(t.is_active) as is_active
from source.roles as t
