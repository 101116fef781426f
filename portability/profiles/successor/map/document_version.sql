select
  t.document_id || '/' || t.version as id,
  'document_versions/' || t.document_id || '/' || t.version as source_key,
  cast(t.document_id as varchar) as document_id,
  t.version as version_number,
  t.label as version_label,
  d.sha256 as file_sha256,
  case t.presence
    when 'stored' then coalesce(d.availability, 'missing_in_source') when 'missing' then 'missing_in_source' when 'unreadable' then 'unreadable'
    when 'elsewhere' then 'external_link' when 'withheld' then 'excluded'
  end as availability,
  t.media_type as media_type,
  t.stated_size as size_bytes,
  t.stated_checksum as source_checksum,
  t.origin as source_path,
  cast(t.made_by as varchar) as created_by_user_id,
  t.comment as comment,
  from_utc(t.made_at) as created_at
from source.document_versions as t
left join source.objects as o on o.bucket = t.bucket and o.object_key = t.object_key
left join documents as d on d.source = 'objects' and d.locator = o.bucket || '/' || o.object_key
