-- Rows of which a canonical row was made besides its main one.
select
  'calendar_event/' || r.event_id || '/cm_events_responsibles/' || r.id as id,
  'calendar_event' as entity,
  r.event_id as entity_id,
  'cm_events_responsibles/' || r.id as source_key,
  'contributing' as link_role
from source.cm_events_responsibles as r
join source.cm_events as e on cast(e.id as varchar) = r.event_id
-- else the event is in quarantine
where coalesce(e.start, try_strptime(e.start_text, ['%m/%d/%Y %I:%M %p'])) is not null
