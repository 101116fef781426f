-- Roles are words in a YAML list of each persona; the first persona that has one stands for it.
with held as (
  select 'external_user' as kind,
  'external_users' as place, e.id, unnest(regexp_extract_all(e.roles, '- ([a-z_]+)', 1)) as name
  from source.external_users as e
  union all
  select 'case_worker', 'case_workers', w.id, unnest(regexp_extract_all(w.roles, '- ([a-z_]+)', 1))
  from source.case_workers as w
)
select
  h.kind || '/' || h.name as id,
  h.place || '/' || min(h.id) as source_key,
  h.kind || ' ' || h.name as name,
  'role' as kind,
  true as is_active
from held as h
group by h.kind, h.place, h.name
