with roles as (
  select lower(g.group_name) as name, cast(min(g.id) as varchar) as id
    from source.cm_groups as g group by lower(g.group_name)
)
select
  'cm_users/' || u.id as id,
  'cm_users/' || u.id as source_key,
  'role_membership' as grant_type,
  cast(u.id as varchar) as user_id,
  coalesce(r.id, 'group/' || u.grp) as role_id,
  null as resource_entity,
  null as resource_id,
  null as permission
from source.cm_users as u
left join roles as r on r.name = lower(u.grp)
where u.grp <> ''
union all
-- A post is shown to users, groups (_grp_name), a supervisor's students (_spv_name) or all (_all_users_). The last two
-- are no user and no role: they stay in the note's extras.
select
  'cm_board_viewers/' || v.id,
  'cm_board_viewers/' || v.id,
  'allow',
  cast(u.id as varchar),
  r.id,
  'note',
  'cm_board/' || v.post_id,
  'read'
from source.cm_board_viewers as v
-- else there is no such note
join source.cm_board as b on b.id = v.post_id and b.body <> '' and b.time_added is not null
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(v.viewer))
left join roles as r on '_grp_' || r.name = lower(v.viewer)
where u.id is not null or r.id is not null
