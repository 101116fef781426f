-- The documents of claims, and whatever else has a file: previews, attachments of messages, reports. A document's file
-- is its first attachment named document; every other attachment is a document of its own.
with
main_files as (
  select a.record_id, min(a.id) as id from source.active_storage_attachments as a
  where a.record_type = 'Document' and a.name = 'document' group by a.record_id
)
select
  'documents/' || d.id as id,
  'documents/' || d.id as source_key,
  cast(d.claim_id as varchar) as matter_id,
  coalesce(b.filename, nullif(regexp_extract(d.file_path, '[^/]+$'), ''), 'Document ' || d.id) as title,
  coalesce(b.filename, nullif(regexp_extract(d.file_path, '[^/]+$'), ''), 'Document ' || d.id) as file_name,
  null as document_type,
  null as category,
  cast(d.creator_id as varchar) as author_user_id,
  case when m.id is not null then 'active_storage_attachments/' || m.id
    else 'documents/' || d.id end as current_version_id,
  null as parent_document_id,
  false as is_locked,
  false as is_in_bin,
  from_utc(d.created_at) as created_at,
  from_utc(d.updated_at) as updated_at,
  {
    'uuid': d.uuid, 'form_id': d.form_id, 'external_user_id': d.external_user_id, 'verified': d.verified,
    'file_path': d.file_path, 'verified_file_size': d.verified_file_size
  } as extras
from source.documents as d
left join main_files as m on m.record_id = d.id
left join source.active_storage_attachments as a on a.id = m.id
left join source.active_storage_blobs as b on b.id = a.blob_id
union all
select
  'active_storage_attachments/' || a.id,
  'active_storage_attachments/' || a.id,
  cast(coalesce(d.claim_id, g.claim_id) as varchar),
  b.filename,
  b.filename,
  case when a.record_type = 'Message' then 'attachment' end,
  a.record_type || ' ' || a.name,
  null,
  'active_storage_attachments/' || a.id,
  case when d.id is not null then 'documents/' || d.id end,
  false,
  false,
  from_utc(a.created_at),
  null,
  {'record_type': a.record_type, 'record_id': a.record_id, 'name': a.name}
from source.active_storage_attachments as a
left join source.active_storage_blobs as b on b.id = a.blob_id
left join source.documents as d on a.record_type = 'Document' and d.id = a.record_id
left join source.messages as g on a.record_type = 'Message' and g.id = a.record_id
where a.id not in (select m.id from main_files as m join source.documents as k on k.id = m.record_id)
