select
  t.id as _id,
  t.matter_id as matter_id,
  t.user_id as staff_id,
  t.team_role as duty,
  t.split_percent as split_percent,
  t.from_date as since,
  t.to_date as until
from matter_team_member as t
where not t.is_deleted
