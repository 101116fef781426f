select
  cast(t.ROLE_ID as varchar) as id,
  'ROLE_MAST/' || t.ROLE_ID as source_key,
  t.NAME as name,
  'role' as kind,
  t.DESCR as description,
  string_split(t.PERMS, ',') as permissions,
  flag(t.ACTIVE) as is_active,
  {'firm_id': t.FIRM_ID} as extras
from source.ROLE_MAST as t
