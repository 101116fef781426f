with mails as (
  select d.locator, min(d.sha256) as sha256 from documents as d where d.source = 'mails' group by d.locator
)
select
  cast(t.EML_ID as varchar) as id,
  'EML_MAST/' || t.EML_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  t.MSG_ID as message_id,
  case t.DIRN when 'I' then 'in' when 'O' then 'out' else t.DIRN end as direction,
  t.FROM_ADDR as from_address,
  list_transform(string_split(t.TO_ADDR, ';'), lambda x: {'address': trim(x)}) as to_addresses,
  t.SUBJECT as subject,
  from_local(t.SENT_AT) as sent_at,
  m.sha256 as eml_sha256,
  t.ATT_CNT as attachment_count,
  cast(t.FILED_BY as varchar) as filed_by_id,
  {'file_path': t.FILE_PATH} as extras
from source.EML_MAST as t
left join mails as m on m.locator = t.FILE_PATH
