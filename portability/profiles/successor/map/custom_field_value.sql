-- Values stand as texts in the `custom` of their owner; what cannot be read as its field's type stays text.
with entries as (
  select 'matter' as entity, 'matters/' || m.id as owner, cast(m.id as varchar) as entity_id,
    unnest(cast(json_extract(cast(m.custom as json), '$.fields') as json[])) as entry
  from source.matters as m
  union all
  select 'contact', 'parties/' || p.id, cast(p.id as varchar), unnest(cast(json_extract(cast(p.custom as json), '$.fields') as json[]))
  from source.parties as p
  union all
  select 'client', 'clients/' || c.id, cast(c.id as varchar), unnest(cast(json_extract(cast(c.custom as json), '$.fields') as json[]))
  from source.clients as c
),
typed as (
  select
    e.entity, e.owner, e.entity_id, d.id as definition_id, cast(e.entry ->> '$.record' as bigint) as record_number,
    e.entry ->> '$.value' as text,
    case when d.kind in ('money', 'number') then exact_money(replace(replace(e.entry ->> '$.value', '£', ''), ',', '')) end as number,
    case when d.kind = 'date' then read_date(e.entry ->> '$.value', ['%d/%m/%Y', '%Y-%m-%d']) end as day,
    case when d.kind = 'bool' then flag(e.entry ->> '$.value') end as yes_no
  from entries as e
  join source.custom_fields as d on d.field_key = e.entry ->> '$.field'
)
select
  t.definition_id || '/' || t.entity || '/' || t.entity_id || '/' || t.record_number as id,
  t.owner as source_key,
  cast(t.definition_id as varchar) as definition_id,
  t.entity as entity,
  t.entity_id as entity_id,
  t.record_number as record_number,
  case when t.number is null and t.day is null and t.yes_no is null then t.text end as value_string,
  t.number as value_decimal,
  t.day as value_date,
  t.yes_no as value_bool,
  t.text as value_raw
from typed as t
