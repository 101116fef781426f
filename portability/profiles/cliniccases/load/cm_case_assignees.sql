-- Who works on a matter: its fee earner, its supervisor and its team, each once.
with people as (
  select m.id as matter_id, m.fee_earner_id as user_id, m.opened_on as since from matter as m where m.fee_earner_id is not null and not m.is_deleted
  union all
  select m.id, m.supervisor_id, m.opened_on from matter as m where m.supervisor_id is not null and not m.is_deleted
  union all
  select t.matter_id, t.user_id, t.from_date from matter_team_member as t where not t.is_deleted
)
select
  p.matter_id || '/' || p.user_id as _id,
  p.user_id as username,
  p.matter_id as case_id,
  'active' as status,
  coalesce(from_local(cast(min(p.since) as timestamp)), timestamptz '1971-01-01 00:00:00+00') as date_assigned,
  timestamp '1970-01-02 00:00:00' as date_removed
from people as p
group by p.matter_id, p.user_id
