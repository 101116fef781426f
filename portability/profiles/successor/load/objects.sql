-- The files that documents and e-mails use, where the object store has them (see `documents:` in profile.yaml).
with wanted as (
  select v.file_sha256 as sha256 from document_version as v where not v.is_deleted
  union
  select e.eml_sha256 from email as e where not e.is_deleted
)
select
  f.sha256 as _id,
  'documents' as bucket,
  substr(f.sha256, 1, 2) || '/' || f.sha256 as object_key,
  f.sha256 as sha256,
  f.size_bytes as size_bytes,
  f.detected_media_type as media_type
from file_object as f
join wanted as w on w.sha256 = f.sha256
