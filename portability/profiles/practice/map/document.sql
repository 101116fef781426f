-- Documents of the register, and scans, which the register does not know.
with docs as (
  select t.*, read_date(t.DOC_DT, ['%d/%m/%Y']) as dated from source.DOC_MAST as t
)
select
  'doc/' || t.DOC_ID as id,
  'DOC_MAST/' || t.DOC_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.CL_ID as varchar) as client_id,
  t.TITLE as title,
  t.FILE_NAME as file_name,
  replace(t.FOLDER, chr(92), '/') as folder_path,
  case t.DTYPE
    when 'LTO' then 'letter_out' when 'LTI' then 'letter_in' when 'CON' then 'contract' when 'CRT' then 'court_document'
    when 'BIL' then 'bill' when 'ATT' then 'attachment' else t.DTYPE
  end as document_type,
  case t.DIRN when 'I' then 'in' when 'O' then 'out' else t.DIRN end as direction,
  t.dated as document_date,
  cast(t.AUTHOR_ID as varchar) as author_user_id,
  'doc/' || t.DOC_ID || '/' || coalesce(t.CUR_VER, 1) as current_version_id,
  cast(t.EML_ID as varchar) as email_id,
  flag(t.LOCKED) as is_locked,
  flag(t.IN_BIN) as is_in_bin,
  t.WEB_URL as external_url,
  from_local(t.CREATED) as created_at,
  t.DEL_FLAG = 'Y' as is_deleted,
  cast(null as varchar) as summary,
  {'document_date': case when t.DOC_DT <> '' and t.dated is null then t.DOC_DT end} as unreadable
from docs as t
union all
select
  'scan/' || s.BLOB_ID,
  'DOC_BLOB/' || s.BLOB_ID,
  cast(s.MTR_ID as varchar),
  null,
  s.ORIG_NAME,
  s.ORIG_NAME,
  null,
  'scan',
  'in',
  null,
  null,
  'scan/' || s.BLOB_ID || '/1',
  null,
  false,
  false,
  null,
  from_local(s.SCANNED),
  false,
  case when s.PAGES is not null then s.PAGES || ' pages' end,
  null
from source.DOC_BLOB as s
