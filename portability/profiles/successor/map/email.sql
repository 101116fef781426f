select
  cast(t.id as varchar) as id,
  'messages/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.message_id as message_id,
  t.in_reply_to as in_reply_to,
  t.thread as thread_id,
  t.direction as direction,
  t.sender as from_address,
  t.recipients as to_addresses,
  t.copies as cc_addresses,
  t.blind_copies as bcc_addresses,
  t.subject as subject,
  from_utc(t.sent_at) as sent_at,
  from_utc(t.received_at) as received_at,
  t.body as body_text,
  t.body_html as body_html,
  d.sha256 as eml_sha256,
  t.attachments as attachment_count,
  cast(t.filed_by as varchar) as filed_by_id,
  cast(t.party_id as varchar) as contact_id,
  {'legacy': cast(t.custom as json) ->> '$.legacy'} as extras
from source.messages as t
left join documents as d on d.source = 'objects' and d.locator = t.bucket || '/' || t.object_key
