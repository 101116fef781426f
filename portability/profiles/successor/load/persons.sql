select
  c.id as _id,
  c.id as party_id,
  c.title as prefix,
  concat_ws(' ', c.given_name, c.middle_names) as given_names,
  c.family_name as family_name,
  c.suffix as suffix,
  c.preferred_name as known_as,
  c.date_of_birth as born_on,
  c.date_of_death as died_on,
  c.national_insurance_number as national_insurance_number,
  c.nationality as nationality,
  c.occupation as occupation
from contact as c
where c.contact_type = 'person'
  or coalesce(
    c.title, c.given_name, c.middle_names, c.family_name, c.suffix, c.preferred_name, c.national_insurance_number,
    c.nationality, c.occupation, cast(c.date_of_birth as varchar), cast(c.date_of_death as varchar)) is not null
