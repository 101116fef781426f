select
  cast(m.id as varchar) as id,
  'messages/' || m.id as source_key,
  cast(m.claim_id as varchar) as matter_id,
  'chat' as note_type,
  m.body,
  'plain' as body_format,
  from_utc(m.created_at) as noted_at,
  cast(m.sender_id as varchar) as author_id,
  false as is_private,
  from_utc(m.created_at) as created_at,
  from_utc(m.updated_at) as updated_at
from source.messages as m
