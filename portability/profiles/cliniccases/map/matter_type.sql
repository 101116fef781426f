select
  cast(t.id as varchar) as id,
  'cm_case_types/' || t.id as source_key,
  t.case_type_code as code,
  t.type as name,
  true as is_active
from source.cm_case_types as t
