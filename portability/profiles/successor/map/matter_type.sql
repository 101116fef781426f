select
  cast(t.id as varchar) as id,
  'work_types/' || t.id as source_key,
  t.code as code,
  t.name as name,
  cast(t.parent_id as varchar) as parent_id,
  t.department as department,
  flag(t.is_contentious) as is_contentious,
  flag(t.is_reserved) as is_reserved,
  t.keep_years as retention_years,
  flag(t.is_active) as is_active
from source.work_types as t
