select
  cast(t.id as varchar) as id,
  'register_entries/' || t.id as source_key,
  cast(t.party_id as varchar) as contact_id,
  t.kind as purpose,
  t.state as status,
  from_utc(t.entered_at) as given_at,
  from_utc(cast(cast(t.details as json) ->> '$.withdrawn_at' as timestamp)) as withdrawn_at,
  cast(t.details as json) ->> '$.how' as source,
  t.wording as wording
from source.register_entries as t
where t.register = 'consent'
