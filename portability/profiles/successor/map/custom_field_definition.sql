select
  cast(t.id as varchar) as id,
  'custom_fields/' || t.id as source_key,
  t.applies_to as applies_to,
  t.name as code,
  t.label as label,
  t.section as group_code,
  t.kind as data_type,
  flag(t.repeats) as is_repeating,
  t.options as options,
  t.privacy as pd_class,
  t.position as sort_order,
  flag(t.is_active) as is_active,
  {'field_key': t.field_key} as extras
from source.custom_fields as t
