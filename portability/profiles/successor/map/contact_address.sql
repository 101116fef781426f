-- Lines of the street; a fourth and further ones stay on the third.
with addresses as (
  select t.*, string_split(t.street, chr(10)) as lines from source.addresses as t
)
select
  cast(t.id as varchar) as id,
  'addresses/' || t.id as source_key,
  cast(t.party_id as varchar) as contact_id,
  t.usage_code as address_type,
  nullif(t.lines[1], '') as line1,
  nullif(t.lines[2], '') as line2,
  nullif(array_to_string(t.lines[3:], ', '), '') as line3,
  t.locality as town,
  t.region as county,
  t.postcode as postcode,
  t.country_code as country_code,
  t.dx as dx_number,
  flag(t.is_preferred) as is_primary,
  t.valid_from as valid_from,
  t.valid_to as valid_to
from addresses as t
