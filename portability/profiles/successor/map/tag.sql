with words as (
  select t.id, unnest(cast(cast(t.tags as json) as varchar[])) as label from source.matters as t
)
select distinct
  w.id || '/' || w.label as id,
  'matters/' || w.id as source_key,
  'matter' as entity,
  cast(w.id as varchar) as entity_id,
  w.label as label
from words as w
where w.label <> ''
