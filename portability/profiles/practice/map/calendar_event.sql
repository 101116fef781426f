select
  cast(t.EVT_ID as varchar) as id,
  'DIARY/' || t.EVT_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  t.TITLE as summary,
  case t.KIND
    when 'M' then 'meeting' when 'H' then 'hearing' when 'C' then 'conference' when 'A' then 'appointment' when 'L' then 'absence' else 'other'
  end as event_type,
  from_local(t.STARTS) as starts_at,
  from_local(t.ENDS) as ends_at,
  'Europe/London' as time_zone,
  flag(t.ALL_DAY) as all_day,
  case when flag(t.ALL_DAY) then cast(t.STARTS as date) end as start_date,
  case when flag(t.ALL_DAY) then cast(coalesce(t.ENDS, t.STARTS) as date) end as end_date,
  t.PLACE as location,
  case when t.ATTEND <> '' then [{'email': t.ATTEND}] end as attendees,
  cast(t.OWNER_ID as varchar) as organiser_id,
  case t.STATUS when 'T' then 'tentative' when 'C' then 'confirmed' when 'X' then 'cancelled' when 'D' then 'done' else t.STATUS end as status
from source.DIARY as t
