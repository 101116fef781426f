-- Of a case's client: PHP-serialised {number: kind}. Of a contact: JSON {kind: number}. Old rows: just text.
with
serialised as (
  select 'cm/' || c.id as owner, 'phone' as medium, c.phone as text from source.cm as c where c.phone <> ''
  union all
  select 'cm/' || c.id, 'email', c.email from source.cm as c where c.email <> ''
),
-- integer keys are written i:123; and all else s:length:"text";
paired as (
  select
    s.owner, s.medium, s.text,
    regexp_extract_all(regexp_replace(s.text, 'i:([0-9]+);', 's:0:"\1";', 'g'), 's:[0-9]+:"([^"]*)";', 1) as parts,
    try_cast(regexp_extract(s.text, '^(?:a|O:8:"stdClass"):([0-9]+):', 1) as integer) as members
  from serialised as s
),
keyed as (
  select 'cm_contacts/' || c.id as owner, 'phone' as medium, c.phone as text,
    map_entries(try_cast(try_cast(c.phone as json) as map(varchar, varchar))) as entries
  from source.cm_contacts as c where c.phone <> ''
  union all
  select 'cm_contacts/' || c.id, 'email', c.email,
    map_entries(try_cast(try_cast(c.email as json) as map(varchar, varchar)))
  from source.cm_contacts as c where c.email <> ''
),
points as (
  -- as many texts as two for each member, or quotes inside a text have led the pattern astray
  select p.owner, p.medium, p.parts as parts, unnest(range(1, len(p.parts), 2)) as place
  from paired as p where p.members > 0 and len(p.parts) = 2 * p.members
  union all
  select p.owner, p.medium, [p.text, null], 1
  from paired as p where coalesce(len(p.parts) <> 2 * p.members, true)
),
entries as (
  select k.owner, k.medium, k.entries as entries, unnest(range(1, len(k.entries) + 1)) as place
  from keyed as k where k.entries is not null
),
found as (
  select p.owner, p.medium, p.place, p.parts[p.place] as value, p.parts[p.place + 1] as label from points as p
  union all
  select e.owner, e.medium, e.place, e.entries[e.place].value, e.entries[e.place].key from entries as e
  union all
  select k.owner, k.medium, 1, k.text, null from keyed as k where k.entries is null
  union all
  select 'cm_contacts/' || c.id, 'web', 1, c.url, null from source.cm_contacts as c
)
select
  f.owner || '/' || f.medium || '/' || f.place as id,
  f.owner as source_key,
  f.owner as contact_id,
  case when f.medium = 'phone' and lower(f.label) in ('mobile', 'fax') then lower(f.label) else f.medium end as kind,
  f.label,
  f.value,
  case when f.medium = 'email' then lower(f.value) end as normalised_value,
  f.place = 1 as is_primary
from found as f
where f.value <> ''
