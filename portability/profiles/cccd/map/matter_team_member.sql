-- Case workers of the agency to whom a claim is allocated. Whose claim it is stands in matter.fee_earner_id.
with personas as (
  select u.persona_id, cast(min(u.id) as varchar) as user_id
  from source.users as u where u.persona_type = 'CaseWorker' group by u.persona_id
)
select
  cast(w.id as varchar) as id,
  'case_worker_claims/' || w.id as source_key,
  cast(w.claim_id as varchar) as matter_id,
  coalesce(p.user_id, 'case_workers/' || w.case_worker_id) as user_id,
  'other' as team_role,
  from_utc(w.created_at) as created_at,
  from_utc(w.updated_at) as updated_at
from source.case_worker_claims as w
left join personas as p on p.persona_id = w.case_worker_id
