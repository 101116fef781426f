select
  g.id as _id,
  g.entity_id as matter_id,
  g.label as tag,
  coalesce(g.created_by_id, '$import') as created_by_user_pid,
  coalesce(g.updated_by_id, g.created_by_id, '$import') as modified_by_user_pid,
  case when g.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(g.created_at, g.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(g.updated_at, g.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when g.is_deleted then timezone('UTC', coalesce(g.deleted_at, g.updated_at, g.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from tag as g
where g.entity = 'matter'
