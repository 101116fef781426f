with groups as (
  -- nothing keeps two groups from having one name
  select lower(g.group_name) as name, max(g.supervises) as supervises, max(g.is_supervised) as is_supervised
  from source.cm_groups as g group by lower(g.group_name)
)
select
  cast(a.id as varchar) as id,
  'cm_case_assignees/' || a.id as source_key,
  nullif(a.case_id, '') as matter_id,
  case when rtrim(a.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(a.username))) end
    as user_id,
  case when g.supervises = 1 then 'supervisor' when g.is_supervised = 1 then 'fee_earner' else 'other' end as team_role,
  cast(timezone('America/Chicago', a.date_assigned) as date) as from_date,
  cast(a.date_removed as date) as to_date,
  {'status': a.status} as extras
from source.cm_case_assignees as a
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(a.username))
left join groups as g on g.name = lower(u.grp)
