-- Files on the share, scans in the database, and links to documents kept elsewhere.
with files as (
  select d.locator, min(d.sha256) as sha256, min(d.availability) as availability, min(d.problem) as problem
  from documents as d
  where d.source = 'letters'
  group by d.locator
)
select
  'doc/' || t.DOC_ID || '/' || t.VER_NO as id,
  'DOC_VER/' || t.DOC_ID || '/' || t.VER_NO as source_key,
  'doc/' || t.DOC_ID as document_id,
  t.VER_NO as version_number,
  f.sha256 as file_sha256,
  coalesce(f.availability, 'missing_in_source') as availability,
  t.MIME as media_type,
  t.FILE_SIZE as size_bytes,
  'md5:' || rtrim(t.FILE_MD5) as source_checksum,
  t.FILE_PATH as source_path,
  cast(t.CREATED_BY as varchar) as created_by_user_id,
  concat_ws('; ', nullif(t.REMARK, ''), f.problem) as comment,
  from_local(t.CREATED) as created_at
from source.DOC_VER as t
left join files as f on f.locator = t.FILE_PATH
union all
select
  'scan/' || s.BLOB_ID || '/1',
  'DOC_BLOB/' || s.BLOB_ID,
  'scan/' || s.BLOB_ID,
  1,
  s.CONTENT__file.sha256,
  case when s.CONTENT__file.sha256 is null then 'missing_in_source' else 'present' end,
  'application/pdf',
  null,
  null,
  s.ORIG_NAME,
  null,
  null,
  from_local(s.SCANNED)
from source.DOC_BLOB as s
union all
select
  'doc/' || w.DOC_ID || '/1',
  'DOC_MAST/' || w.DOC_ID,
  'doc/' || w.DOC_ID,
  1,
  l.sha256,
  coalesce(l.availability, 'external_link'),
  null,
  null,
  null,
  w.WEB_URL,
  null,
  l.problem,
  from_local(w.CREATED)
from source.DOC_MAST as w
left join (
  select d.locator, min(d.sha256) as sha256, min(d.availability) as availability, min(d.problem) as problem
  from documents as d
  where d.source = 'links'
  group by d.locator
) as l on l.locator = w.WEB_URL
where w.WEB_URL <> ''
