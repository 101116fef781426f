select
  'establishments/' || e.id as id,
  'establishments/' || e.id as source_key,
  'establishments/' || e.id as contact_id,
  'other' as address_type,
  e.name as line1,
  e.postcode,
  true as is_primary
from source.establishments as e
where e.postcode <> ''
