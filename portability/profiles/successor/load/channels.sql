select
  p.id as _id,
  p.contact_id as party_id,
  p.kind as medium,
  p.label as label,
  p.value as value,
  p.normalised_value as normalised,
  p.is_primary as is_preferred
from contact_point as p
where not p.is_deleted
