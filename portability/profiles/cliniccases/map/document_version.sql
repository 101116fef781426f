with stored as (
  -- one row for each path, whatever number of rows name it
  select d.source, d.locator, min(d.sha256) as sha256, min(d.availability) as availability, min(d.problem) as problem
  from documents as d
  group by d.source, d.locator
)
select
  'cm_documents/' || t.id as id,
  'cm_documents/' || t.id as source_key,
  'cm_documents/' || t.id as document_id,
  1 as version_number,
  case when t.extension = 'ccd' then t.text__file.sha256 when t.extension <> 'url' then s.sha256 end as file_sha256,
  case
    when t.extension = 'url' then 'external_link'
    when t.extension = 'ccd' then case when t.text__file.sha256 is null then 'missing_in_source' else 'present' end
    else coalesce(s.availability, 'missing_in_source')
  end as availability,
  case when t.extension = 'ccd' then 'text/html' end as media_type,
  t.local_file_name as source_path,
  case when rtrim(t.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(t.username))) end
    as created_by_user_id,
  case when t.extension not in ('url', 'ccd') then s.problem end as comment,
  t.date_modified as updated_at
from source.cm_documents as t
left join stored as s on s.source = 'files' and s.locator = t.local_file_name
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(t.username))
where t.name <> '' or t.local_file_name <> ''
union all
select
  'cm_board_attachments/' || a.id,
  'cm_board_attachments/' || a.id,
  'cm_board_attachments/' || a.id,
  1,
  s.sha256,
  coalesce(s.availability, 'missing_in_source'),
  null,
  a.local_file_name,
  case when rtrim(a.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(a.username))) end,
  s.problem,
  from_local(a.time_added)
from source.cm_board_attachments as a
left join stored as s on s.source = 'board' and s.locator = a.local_file_name
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(a.username))
