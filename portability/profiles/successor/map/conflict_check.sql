select
  cast(t.id as varchar) as id,
  'register_entries/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.client_id as varchar) as client_id,
  from_utc(t.entered_at) as checked_at,
  cast(t.staff_id as varchar) as checked_by_id,
  json_extract(cast(t.details as json), '$.terms') as search_terms,
  json_extract(cast(t.details as json), '$.hits') as results,
  t.state as status,
  from_utc(cast(cast(t.details as json) ->> '$.decided_at' as timestamp)) as decided_at,
  t.wording as reason
from source.register_entries as t
where t.register = 'conflict'
