select
  d.id as _id,
  d.id as field_key,
  d.applies_to as applies_to,
  d.code as name,
  d.label as label,
  coalesce(d.group_label, d.group_code) as section,
  d.data_type as kind,
  d.is_repeating as repeats,
  d.options as options,
  d.pd_class as privacy,
  d.sort_order as position,
  d.is_active as is_active
from custom_field_definition as d
where not d.is_deleted
