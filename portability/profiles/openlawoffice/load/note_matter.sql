select
  n.id as _id,
  n.id as note_id,
  n.matter_id as matter_id,
  coalesce(n.created_by_id, '$import') as created_by_user_pid,
  coalesce(n.updated_by_id, n.created_by_id, '$import') as modified_by_user_pid,
  case when n.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(n.created_at, n.updated_at, n.noted_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(n.updated_at, n.created_at, n.noted_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when n.is_deleted then timezone('UTC', coalesce(n.deleted_at, n.updated_at, n.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from note as n
where n.matter_id is not null
