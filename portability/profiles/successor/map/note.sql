select
  cast(t.id as varchar) as id,
  'notes/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.client_id as varchar) as client_id,
  cast(t.party_id as varchar) as contact_id,
  t.kind as note_type,
  t.subject as subject,
  t.body as body,
  t.format as body_format,
  from_utc(t.noted_at) as noted_at,
  cast(t.author_id as varchar) as author_id,
  t.minutes as duration_minutes,
  flag(t.is_private) as is_private,
  {'legacy': cast(t.custom as json) ->> '$.legacy'} as extras
from source.notes as t
