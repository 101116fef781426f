select
  e.id as _id,
  e.matter_id as matter_id,
  e.message_id as message_id,
  e.in_reply_to as in_reply_to,
  e.thread_id as thread,
  e.direction as direction,
  e.from_address as sender,
  e.to_addresses as recipients,
  e.cc_addresses as copies,
  e.bcc_addresses as blind_copies,
  e.subject as subject,
  timezone('UTC', e.sent_at) as sent_at,
  timezone('UTC', e.received_at) as received_at,
  e.body_text as body,
  e.body_html as body_html,
  case when e.eml_sha256 is not null then 'documents' end as bucket,
  substr(e.eml_sha256, 1, 2) || '/' || e.eml_sha256 as object_key,
  e.attachment_count as attachments,
  e.filed_by_id as filed_by,
  e.contact_id as party_id,
  case when e.extras is not null then to_json({'legacy': cast(e.extras as json)}) end as custom
from email as e
where not e.is_deleted
