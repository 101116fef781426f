select
  cast(t.id as varchar) as id,
  'register_entries/' || t.id as source_key,
  cast(t.client_id as varchar) as client_id,
  cast(t.matter_id as varchar) as matter_id,
  t.kind as item_type,
  t.wording as description,
  cast(t.details as json) ->> '$.packet' as packet_number,
  cast(t.details as json) ->> '$.place' as storage_location,
  cast(cast(t.details as json) ->> '$.executed_on' as date) as executed_on,
  t.entered_on as received_on,
  t.closed_on as released_on,
  cast(t.details as json) ->> '$.released_to' as released_to,
  json_extract(cast(t.details as json), '$.executors') as executors,
  t.state as status
from source.register_entries as t
where t.register = 'deed'
