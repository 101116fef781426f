select
  cast(c.id as varchar) as id,
  'cm/' || c.id as source_key,
  cast(c.id as varchar) as matter_id,
  read_date(c.date_close, ['%Y-%m-%d', '%m/%d/%Y']) as archived_on,
  case when rtrim(c.closed_by) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(c.closed_by))) end
    as archived_by_id,
  false as legal_hold,
  c.close_notes as comments,
  c.first_name = 'DELETED' and c.last_name = 'DELETED' and c.organization = 'DELETED' as is_deleted,
  {
    'archived_on': case when read_date(c.date_close, ['%Y-%m-%d', '%m/%d/%Y']) is null then c.date_close end
  } as unreadable
from source.cm as c
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(c.closed_by))
where c.date_close not in ('', '0000-00-00')
