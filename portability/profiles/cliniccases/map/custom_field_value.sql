with
held as (
  select id, 'age' as code, age as text, null as number from source.cm
  union all select id, 'income', null, income from source.cm
  union all select id, 'per', per, null from source.cm
  union all select id, 'judge', judge, null from source.cm
  union all select id, 'pl_or_def', pl_or_def, null from source.cm
  union all select id, 'section', section, null from source.cm
  union all select id, 'dispo', dispo, null from source.cm
),
definitions as (
  select k.db_name as code, cast(min(k.id) as varchar) as id from source.cm_columns as k group by k.db_name
)
select
  'cm/' || h.id || '/' || h.code as id,
  'cm/' || h.id as source_key,
  coalesce(d.id, 'column/' || h.code) as definition_id,
  'matter' as entity,
  cast(h.id as varchar) as entity_id,
  0 as record_number,
  h.text as value_string,
  h.number as value_decimal
from held as h
left join definitions as d on d.code = h.code
where h.text <> '' or h.number is not null
