with
stored as (
  -- one row for each path, whatever number of rows name it; main.documents: the source has a table documents too
  select s.source, s.locator, min(s.sha256) as sha256, min(s.availability) as availability, min(s.problem) as problem
  from main.documents as s group by s.source, s.locator
),
main_files as (
  select a.record_id, min(a.id) as id from source.active_storage_attachments as a
  where a.record_type = 'Document' and a.name = 'document' group by a.record_id
)
select
  'active_storage_attachments/' || a.id as id,
  'active_storage_attachments/' || a.id as source_key,
  case when d.id is not null then 'documents/' || d.id else 'active_storage_attachments/' || a.id end as document_id,
  1 as version_number,
  s.sha256 as file_sha256,
  coalesce(s.availability, 'missing_in_source') as availability,
  b.content_type as media_type,
  b.byte_size as size_bytes,
  -- the MD5 is kept in base64
  case when regexp_full_match(b.checksum, '[A-Za-z0-9+/]{22}==')
    then 'md5:' || lower(hex(from_base64(b.checksum))) end as source_checksum,
  b.key as source_path,
  s.problem as comment,
  from_utc(coalesce(b.created_at, a.created_at)) as created_at,
  {'service_name': b.service_name, 'metadata': b.metadata, 'checksum': b.checksum} as extras
from source.active_storage_attachments as a
left join source.active_storage_blobs as b on b.id = a.blob_id
left join main_files as m on m.id = a.id
left join source.documents as d on d.id = m.record_id
left join stored as s on s.source = 'objects' and s.locator
  = case when b.service_name in ('local', 'test') then b.key[1:2] || '/' || b.key[3:4] || '/' || b.key else b.key end
union all
select
  'documents/' || d.id,
  'documents/' || d.id,
  'documents/' || d.id,
  1,
  s.sha256,
  coalesce(s.availability, 'missing_in_source'),
  null,
  d.verified_file_size,
  null,
  d.file_path,
  s.problem,
  from_utc(d.created_at),
  null
from source.documents as d
left join stored as s on s.source = 'legacy' and s.locator = d.file_path
where d.id not in (select m.record_id from main_files as m)
