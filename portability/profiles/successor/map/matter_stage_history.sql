select
  cast(t.id as varchar) as id,
  'matter_stages/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.stage as stage,
  t.came_from as previous_stage,
  from_utc(t.entered_at) as entered_at,
  from_utc(t.left_at) as left_at,
  cast(t.staff_id as varchar) as changed_by_id,
  t.remark as comment
from source.matter_stages as t
