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
    regexp_extract_all(regexp_replace(s.text, 'i:([0-9]+);', 's:0:"\1";', 'g'), 's:[0-9]+:"([^"]*)";', 1) as parts
  from serialised as s
),
json_texts as (
  select 'cm_contacts/' || c.id as owner, 'phone' as medium, c.phone as text, try_cast(c.phone as json) as document
  from source.cm_contacts as c where c.phone <> ''
  union all
  select 'cm_contacts/' || c.id, 'email', c.email, try_cast(c.email as json)
  from source.cm_contacts as c where c.email <> ''
),
keyed as (
  select j.owner, j.medium, j.text, j.document, case when json_type(j.document) = 'OBJECT' then json_keys(j.document) end as names
  from json_texts as j
),
points as (
  select p.owner, p.medium, unnest(range(1, len(p.parts), 2)) as place, p.parts as parts, null as document, null as names
  from paired as p where len(p.parts) > 1
  union all
  select p.owner, p.medium, 1, [p.text, null], null, null from paired as p where len(p.parts) < 2
  union all
  select k.owner, k.medium, unnest(range(1, len(k.names) + 1)), null, k.document, k.names from keyed as k where k.names is not null
  union all
  select k.owner, k.medium, 1, [k.text, null], null, null from keyed as k where k.names is null
),
found as (
  select
    p.owner, p.medium, p.place,
    coalesce(p.parts[p.place], p.document ->> ('$."' || p.names[p.place] || '"')) as value,
    coalesce(p.parts[p.place + 1], p.names[p.place]) as label
  from points as p
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
