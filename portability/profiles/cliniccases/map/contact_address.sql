with written as (
  select c.*, string_split(replace(c.address, chr(13), ''), chr(10)) as lines from source.cm_contacts as c
)
select
  'cm/' || c.id as id,
  'cm/' || c.id as source_key,
  'cm/' || c.id as contact_id,
  'correspondence' as address_type,
  c.address1 as line1,
  c.address2 as line2,
  null as line3,
  c.city as town,
  c.state as county,
  c.zip as postcode,
  case when c.state <> '' then 'US' end as country_code, -- the screen offers the states of the USA only
  true as is_primary
from source.cm as c
where concat(c.address1, c.address2, c.city, c.state, c.zip) <> ''
union all
select
  'cm_contacts/' || c.id,
  'cm_contacts/' || c.id,
  'cm_contacts/' || c.id,
  'correspondence',
  c.lines[1],
  c.lines[2],
  array_to_string(c.lines[3:], ', '),
  c.city,
  c.state,
  c.zip,
  case when c.state <> '' then 'US' end,
  true
from written as c
where concat(c.address, c.city, c.state, c.zip) <> ''
