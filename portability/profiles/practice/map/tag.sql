with words as (
  select t.MTR_ID, unnest(string_split(t.KEYWORDS, ',')) as word from source.MTR_MAST as t where t.KEYWORDS <> ''
)
select distinct
  w.MTR_ID || '/' || trim(w.word) as id,
  'MTR_MAST/' || w.MTR_ID as source_key,
  'matter' as entity,
  cast(w.MTR_ID as varchar) as entity_id,
  trim(w.word) as label
from words as w
where trim(w.word) <> ''
