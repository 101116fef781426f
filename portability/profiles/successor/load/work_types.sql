select
  t.id as _id,
  t.code as code,
  t.name as name,
  t.parent_id as parent_id,
  t.department as department,
  t.is_contentious as is_contentious,
  t.is_reserved as is_reserved,
  t.retention_years as keep_years,
  t.is_active as is_active
from matter_type as t
where not t.is_deleted
