select
  v.id as _id,
  v.document_id as document_id,
  v.version_number as version,
  v.version_label as label,
  case when v.file_sha256 is not null then 'documents' end as bucket,
  substr(v.file_sha256, 1, 2) || '/' || v.file_sha256 as object_key,
  v.availability as presence,
  v.media_type as media_type,
  v.size_bytes as stated_size,
  v.source_checksum as stated_checksum,
  v.source_path as origin,
  v.created_by_user_id as made_by,
  timezone('UTC', v.created_at) as made_at,
  v.comment as comment
from document_version as v
where not v.is_deleted
