select
  cast(t.id as varchar) as id,
  'code_items/' || t.id as source_key,
  t.list as list_name,
  t.code as code,
  t.label as label,
  t.position as sort_order,
  flag(t.is_active) as is_active
from source.code_items as t
