-- Versions whose bytes there are: the application has no way to say that a file is missing.
select
  v.id as _id,
  v.document_id as document_id,
  v.version_number as version_number,
  coalesce(v.media_type, f.detected_media_type, 'application/octet-stream') as mime,
  regexp_replace(d.file_name, '[.][A-Za-z0-9]{1,8}$', '') as filename,
  lower(regexp_extract(d.file_name, '[.]([A-Za-z0-9]{1,8})$', 1)) as extension,
  f.size_bytes as size,
  upper(f.md5) as md5,
  coalesce(v.created_by_user_id, v.created_by_id, '$import') as created_by_user_pid,
  coalesce(v.updated_by_id, v.created_by_user_id, v.created_by_id, '$import') as modified_by_user_pid,
  case when v.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(v.created_at, v.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(v.updated_at, v.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when v.is_deleted then timezone('UTC', coalesce(v.deleted_at, v.updated_at, v.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from document_version as v
join document as d on d.id = v.document_id
join file_object as f on f.sha256 = v.file_sha256
