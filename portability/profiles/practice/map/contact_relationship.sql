select
  t.FROM_CT || '/' || t.TO_CT || '/' || rtrim(t.REL_CD) as id,
  'CT_LINK/' || t.FROM_CT || '/' || t.TO_CT || '/' || rtrim(t.REL_CD) as source_key,
  cast(t.FROM_CT as varchar) as from_contact_id,
  cast(t.TO_CT as varchar) as to_contact_id,
  case rtrim(t.REL_CD) when 'EMP' then 'employee_of' when 'DIR' then 'director_of' when 'SPO' then 'spouse_of' else 'other' end
    as relationship_type,
  coalesce(nullif(t.DESCR, ''), rtrim(t.REL_CD)) as description
from source.CT_LINK as t
