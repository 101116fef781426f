-- Three lines become one text of lines, an empty one between two others kept.
select
  a.id as _id,
  a.contact_id as party_id,
  a.address_type as usage_code,
  nullif(rtrim(coalesce(a.line1, '') || chr(10) || coalesce(a.line2, '') || chr(10) || coalesce(a.line3, ''), chr(10)), '') as street,
  a.town as locality,
  a.county as region,
  a.postcode as postcode,
  a.country_code as country_code,
  a.dx_number as dx,
  a.is_primary as is_preferred,
  a.valid_from as valid_from,
  a.valid_to as valid_to
from contact_address as a
where not a.is_deleted
