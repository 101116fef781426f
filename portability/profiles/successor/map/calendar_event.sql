select
  cast(t.id as varchar) as id,
  'diary_entries/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.title as summary,
  t.details as description,
  t.kind as event_type,
  from_utc(t.starts_at) as starts_at,
  from_utc(t.ends_at) as ends_at,
  t.time_zone as time_zone,
  flag(t.all_day) as all_day,
  t.first_day as start_date,
  t.last_day as end_date,
  t.place as location,
  t.attendees as attendees,
  cast(t.owner_id as varchar) as organiser_id,
  t.state as status
from source.diary_entries as t
