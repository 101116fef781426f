-- Current versions, links, and a row without a name for each folder, as the application wants it.
with files as (
  select
    d.id, d.matter_id, d.title, d.file_name, d.folder_path, d.author_user_id, d.external_url, d.created_at, d.updated_at,
    v.file_sha256, lower(regexp_extract(d.file_name, '[.]([A-Za-z0-9]{1,8})$', 1)) as extension
  from document as d
  left join document_version as v on v.id = d.current_version_id
  where not d.is_deleted
),
steps as (
  select
    f.matter_id, string_split(f.folder_path, '/') as parts,
    unnest(range(1, len(string_split(f.folder_path, '/')) + 1)) as depth
  from files as f
  where f.folder_path is not null and f.matter_id is not null and (f.file_sha256 is not null or f.external_url is not null)
),
folders as (
  select distinct
    s.matter_id, array_to_string(s.parts[:s.depth], '/') as folder, array_to_string(s.parts[:s.depth - 1], '/') as parent
  from steps as s
)
select
  f.id as _id,
  f.title as name,
  case when f.file_sha256 is null then coalesce(f.external_url, '') else md5(f.id) || '.' || f.extension end as local_file_name,
  case when f.file_sha256 is null then 'url' else f.extension end as extension,
  coalesce(f.folder_path, '') as folder,
  '' as containing_folder,
  '' as text,
  '' as write_permission,
  coalesce(f.author_user_id, '$import') as username,
  f.matter_id as case_id,
  coalesce(f.updated_at, f.created_at, timestamptz '1971-01-01 00:00:00+00') as date_modified,
  case
    when f.matter_id is null then 'a document that is on no matter has no place in the target'
    when f.file_sha256 is null and f.external_url is null then 'the archive does not have its bytes'
  end as _reject
from files as f
union all
select
  'folder/' || f.matter_id || '/' || f.folder, '', '', '', f.folder, f.parent, '', '', '$import', f.matter_id, timestamptz '1971-01-01 00:00:00+00', null
from folders as f
