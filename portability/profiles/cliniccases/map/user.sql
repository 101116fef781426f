-- Deleting a user removes the row and leaves the name on all work. Such names become users too, so that no work loses
-- its author: id username/<name>, a leaver, linked to the first row that names them.
with
named as (
  select username as name, 'cm_case_notes' as place, id from source.cm_case_notes
  union all select username, 'cm_case_assignees', id from source.cm_case_assignees
  union all select set_by, 'cm_events', id from source.cm_events
  union all select username, 'cm_documents', id from source.cm_documents
  union all select "from", 'cm_messages', id from source.cm_messages
  union all select username, 'cm_journals', id from source.cm_journals
  union all select author, 'cm_board', id from source.cm_board
  union all select username, 'cm_board_attachments', id from source.cm_board_attachments
  union all select opened_by, 'cm', id from source.cm
  union all select closed_by, 'cm', id from source.cm
  union all select username, 'cm_logs', id from source.cm_logs
),
gone as (
  select
    lower(rtrim(n.name)) as login,
    min(rtrim(n.name)) as name,
    -- by table and number, not by text: the same first row whatever number of digits ids have
    min({'place': n.place, 'id': n.id}) as first_row
  from named as n
  where rtrim(n.name) <> ''
    and lower(rtrim(n.name)) not in (select lower(rtrim(u.username)) from source.cm_users as u)
  group by lower(rtrim(n.name))
),
groups as (
  -- nothing keeps two groups from having one name
  select lower(g.group_name) as name, min(g.group_title) as title
    from source.cm_groups as g group by lower(g.group_name)
),
worked as (
  select distinct lower(rtrim(n.username)) as login from source.cm_case_notes as n where n.time > 0
)
select
  cast(u.id as varchar) as id,
  'cm_users/' || u.id as source_key,
  'firm' as firm_id,
  u.username as login_name,
  coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.username) as display_name,
  u.first_name as given_name,
  u.last_name as family_name,
  u.email,
  coalesce(nullif(u.office_phone, ''), nullif(u.mobile_phone, ''), u.home_phone) as phone,
  w.login is not null as is_fee_earner,
  g.title as job_title,
  -- supervisors is a list, each name with a comma behind it; the first is the one, the list is in extras
  case when u.supervisors <> '' then coalesce(
    cast(s.id as varchar), 'username/' || lower(split_part(u.supervisors, ',', 1))) end as supervisor_id,
  case when u.status = 'active' then 'active' else 'disabled' end as status,
  u.date_created as created_at,
  {
    'mobile_phone': nullif(u.mobile_phone, ''),
    'home_phone': nullif(u.home_phone, ''),
    'office_phone': nullif(u.office_phone, ''),
    'grp': nullif(u.grp, ''),
    'supervisors': nullif(u.supervisors, ''),
    'picture_url': nullif(u.picture_url, ''),
    'timezone_offset': nullif(u.timezone_offset, ''),
    'status': u.status,
    'new': nullif(u.new, ''),
    'pref_case': nullif(u.pref_case, ''),
    'pref_journal': nullif(u.pref_journal, ''),
    'pref_case_prof': nullif(u.pref_case_prof, ''),
    'evals': nullif(u.evals, ''),
    'force_new_password': u.force_new_password
  } as extras
from source.cm_users as u
left join worked as w on w.login = lower(rtrim(u.username))
left join groups as g on g.name = lower(u.grp)
left join source.cm_users as s on lower(rtrim(s.username)) = lower(split_part(u.supervisors, ',', 1))
union all
select
  'username/' || n.login,
  n.first_row.place || '/' || n.first_row.id,
  'firm',
  n.name,
  n.name,
  null,
  null,
  null,
  null,
  w.login is not null,
  null,
  null,
  'leaver',
  null,
  null
from gone as n
left join worked as w on w.login = n.login
