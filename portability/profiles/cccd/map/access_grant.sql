with
personas as (
  select u.persona_type, u.persona_id, cast(min(u.id) as varchar) as user_id
  from source.users as u group by u.persona_type, u.persona_id
),
held as (
  select 'external_user' as kind, 'external_users/' || e.id as place,
  coalesce(p.user_id, 'external_users/' || e.id) as user_id,
    unnest(list_distinct(regexp_extract_all(e.roles, '- ([a-z_]+)', 1))) as name
  from source.external_users as e
  left join personas as p on p.persona_type = 'ExternalUser' and p.persona_id = e.id
  union all
  select 'case_worker', 'case_workers/' || w.id, coalesce(p.user_id, 'case_workers/' || w.id),
    unnest(list_distinct(regexp_extract_all(w.roles, '- ([a-z_]+)', 1)))
  from source.case_workers as w
  left join personas as p on p.persona_type = 'CaseWorker' and p.persona_id = w.id
)
select
  h.place || '/' || h.name as id,
  h.place as source_key,
  'role_membership' as grant_type,
  h.user_id,
  h.kind || '/' || h.name as role_id
from held as h
