with
timed as (
  select
    e.*,
    -- start_text is what the user chose, start what the server made of it
    coalesce(e.start, read_timestamp(e.start_text, ['%m/%d/%Y %I:%M %p'])) as begins,
    coalesce(e."end", read_timestamp(e.end_text, ['%m/%d/%Y %I:%M %p'])) as finishes,
    e.all_day <> 0 as whole_day
  from source.cm_events as e
),
responsible as (
  select
    r.event_id,
    list({'user_id': coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(r.username))),
      'added': cast(r.time_added as varchar)} order by r.id)
      as attendees
  from source.cm_events_responsibles as r
  left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(r.username))
  group by r.event_id
)
select
  cast(e.id as varchar) as id,
  'cm_events/' || e.id as source_key,
  nullif(nullif(e.case_id, ''), 'NC') as matter_id,
  coalesce(nullif(e.task, ''), 'Event') as summary,
  e.notes as description,
  'other' as event_type,
  from_local(e.begins) as starts_at,
  from_local(e.finishes) as ends_at,
  'America/Chicago' as time_zone,
  e.whole_day as all_day,
  case when e.whole_day then cast(e.begins as date) end as start_date,
  case when e.whole_day then cast(e.finishes as date) end as end_date,
  e.location,
  r.attendees,
  case when rtrim(e.set_by) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(e.set_by))) end
    as organiser_id,
  case when e.status = 'done' then 'done' else 'confirmed' end as status,
  from_local(e.time_added) as created_at,
  {
    'status': nullif(e.status, ''),
    'all_day': e.all_day,
    'case_id': case when e.case_id = 'NC' then 'NC' end,
    'start_text': nullif(e.start_text, ''),
    'end_text': nullif(e.end_text, ''),
    'date_set': e.date_set,
    'prof': nullif(e.prof, ''),
    'archived': nullif(e.archived, 'n')
  } as extras
from timed as e
left join responsible as r on r.event_id = cast(e.id as varchar)
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(e.set_by))
