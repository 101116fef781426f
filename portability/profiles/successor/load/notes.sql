select
  n.id as _id,
  n.matter_id as matter_id,
  n.client_id as client_id,
  n.contact_id as party_id,
  n.note_type as kind,
  n.subject as subject,
  n.body as body,
  n.body_format as format,
  timezone('UTC', n.noted_at) as noted_at,
  n.author_id as author_id,
  n.duration_minutes as minutes,
  n.is_private as is_private,
  case when n.extras is not null then to_json({'legacy': cast(n.extras as json)}) end as custom
from note as n
where not n.is_deleted
