select
  h.id as _id,
  h.matter_id as matter_id,
  h.stage as stage,
  h.previous_stage as came_from,
  timezone('UTC', h.entered_at) as entered_at,
  timezone('UTC', h.left_at) as left_at,
  h.changed_by_id as staff_id,
  h.comment as remark
from matter_stage_history as h
where not h.is_deleted
