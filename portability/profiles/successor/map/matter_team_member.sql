select
  t.matter_id || '/' || t.staff_id || '/' || t.duty as id,
  'matter_team/' || t.matter_id || '/' || t.staff_id || '/' || t.duty as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.staff_id as varchar) as user_id,
  t.duty as team_role,
  t.split_percent as split_percent,
  t.since as from_date,
  t.until as to_date
from source.matter_team as t
