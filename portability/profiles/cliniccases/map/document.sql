-- Folders are rows of cm_documents without a name; documents know their folder, so those rows are not needed here.
select
  'cm_documents/' || d.id as id,
  'cm_documents/' || d.id as source_key,
  nullif(d.case_id, '') as matter_id,
  coalesce(nullif(d.name, ''), d.local_file_name) as title,
  case
    when d.extension = 'ccd' then coalesce(nullif(d.name, ''), cast(d.id as varchar)) || '.html'
    when d.extension = 'url' or lower(d.name) like '%.' || lower(d.extension)
      then coalesce(nullif(d.name, ''), d.local_file_name)
    else coalesce(nullif(d.name, ''), cast(d.id as varchar)) || '.' || d.extension -- renamed without its ending
  end as file_name,
  d.folder as folder_path,
  case when rtrim(d.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(d.username))) end
    as author_user_id,
  'cm_documents/' || d.id as current_version_id,
  false as is_locked,
  false as is_in_bin,
  case when d.extension = 'url' then d.local_file_name end as external_url,
  d.date_modified as updated_at,
  {
    'extension': nullif(d.extension, ''),
    'containing_folder': nullif(d.containing_folder, ''),
    'write_permission': nullif(d.write_permission, '')
  } as extras
from source.cm_documents as d
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(d.username))
where d.name <> '' or d.local_file_name <> ''
union all
select
  'cm_board_attachments/' || a.id,
  'cm_board_attachments/' || a.id,
  null,
  coalesce(nullif(a.name, ''), a.local_file_name),
  coalesce(nullif(a.name, ''), a.local_file_name),
  'board',
  case when rtrim(a.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(a.username))) end,
  'cm_board_attachments/' || a.id,
  false,
  false,
  null,
  from_local(a.time_added),
  {'extension': nullif(a.extension, ''), 'note_id': 'cm_board/' || a.post_id}
from source.cm_board_attachments as a
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(a.username))
