-- A clinic (family, consumer, ...) is the unit of the school that owns cases.
select
  cast(t.id as varchar) as id,
  'cm_clinic_type/' || t.id as source_key,
  'firm' as firm_id,
  t.clinic_name as name,
  t.clinic_code as code,
  true as is_active
from source.cm_clinic_type as t
