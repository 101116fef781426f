select
  e.id as _id,
  e.matter_id as matter_id,
  e.summary as title,
  e.description as details,
  e.event_type as kind,
  timezone('UTC', e.starts_at) as starts_at,
  timezone('UTC', e.ends_at) as ends_at,
  e.time_zone as time_zone,
  e.all_day as all_day,
  e.start_date as first_day,
  e.end_date as last_day,
  e.location as place,
  e.attendees as attendees,
  e.organiser_id as owner_id,
  e.status as state
from calendar_event as e
where not e.is_deleted
