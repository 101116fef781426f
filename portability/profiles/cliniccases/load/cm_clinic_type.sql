-- Clinics are what offices are elsewhere.
select
  o.id as _id,
  o.name as clinic_name,
  coalesce(o.code, left(o.id, 3)) as clinic_code
from office as o
where not o.is_deleted
