-- The present address in columns, and the previous one as lines of one text.
with old as (
  select t.CT_ID, string_split(replace(t.OLD_ADDR, chr(13) || chr(10), chr(10)), chr(10)) as lines
  from source.CT_MAST as t
  where t.OLD_ADDR <> ''
)
select
  'present/' || t.CT_ID as id,
  'CT_MAST/' || t.CT_ID as source_key,
  cast(t.CT_ID as varchar) as contact_id,
  'correspondence' as address_type,
  t.ADDR1 as line1,
  t.ADDR2 as line2,
  t.ADDR3 as line3,
  t.TOWN as town,
  t.PCODE as postcode,
  t.COUNTRY as country_code,
  true as is_primary
from source.CT_MAST as t
where concat(t.ADDR1, t.ADDR2, t.ADDR3, t.TOWN, t.PCODE) <> ''
union all
select
  'previous/' || o.CT_ID,
  'CT_MAST/' || o.CT_ID,
  cast(o.CT_ID as varchar),
  'previous',
  o.lines[1],
  o.lines[2],
  array_to_string(o.lines[3:], ', '),
  null,
  null,
  null,
  false
from old as o
