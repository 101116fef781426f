-- Case notes, messages, journals (a student's diary for the supervisor) and posts on the board.
select
  'cm_case_notes/' || n.id as id,
  'cm_case_notes/' || n.id as source_key,
  nullif(n.case_id, '') as matter_id,
  'file_note' as note_type,
  null as subject,
  n.description as body,
  'plain' as body_format,
  coalesce(from_local(n.date), n.datestamp) as noted_at, -- a zero date leaves when it was keyed
  case when rtrim(n.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(n.username))) end
    as author_id,
  'cm_case_notes/' || n.id as time_entry_id,
  false as is_private,
  n.datestamp as created_at,
  null as updated_at,
  {'prof': nullif(n.prof, ''), 'noted_at_is': case when n.date is null then 'datestamp' end} as extras
from source.cm_case_notes as n
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(n.username))
where n.description <> '' -- time without words is in time_entry alone
union all
select
  'cm_messages/' || m.id,
  'cm_messages/' || m.id,
  nullif(m.assoc_case, ''),
  'internal',
  m.subject,
  m.body,
  'plain',
  m.time_sent,
  case when rtrim(m."from") <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(m."from"))) end,
  null,
  true,
  m.time_sent,
  null,
  {
    'thread_id': nullif(m.thread_id, ''), -- the id of the thread's first message
    'to': nullif(m."to", ''),
    'ccs': nullif(m.ccs, ''),
    'read': nullif(m.read, ''),
    'archive': nullif(m.archive, ''),
    'starred': nullif(m.starred, ''),
    'to_text': nullif(m.to_text, ''),
    'cc_text': nullif(m.cc_text, ''),
    'assoc_case_text': nullif(m.assoc_case_text, ''),
    'time_sent_text': nullif(m.time_sent_text, '')
  }
from source.cm_messages as m
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(m."from"))
union all
select
  'cm_journals/' || j.id,
  'cm_journals/' || j.id,
  null,
  'internal',
  'Journal',
  j.text,
  'html',
  from_local(j.date_added),
  case when rtrim(j.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(j.username))) end,
  null,
  true,
  from_local(j.date_added),
  null,
  {
    'reader': nullif(j.reader, ''),
    'archived': nullif(j.archived, ''),
    'read': nullif(j.read, ''),
    'commented': nullif(j.commented, ''),
    'comments': nullif(j.comments, '')
  }
from source.cm_journals as j
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(j.username))
union all
select
  'cm_board/' || b.id,
  'cm_board/' || b.id,
  null,
  'internal',
  b.title,
  b.body,
  'html',
  from_local(b.time_added),
  case when rtrim(b.author) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(b.author))) end,
  null,
  false,
  from_local(b.time_added),
  from_local(b.time_edited),
  {
    'color': nullif(b.color, ''),
    -- viewers that are a person or a group are in access_grant too
    'viewers': (
      select string_agg(v.viewer, ',' order by v.id) from source.cm_board_viewers as v where v.post_id = b.id)
  }
from source.cm_board as b
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(b.author))
