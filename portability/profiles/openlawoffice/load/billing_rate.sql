-- A rate for each person who has one of his own: the application prices unbilled time by the worker's rate.
select
  u.id as _id,
  u.display_name || ' (' || u.id || ')' as title,
  u.default_rate as price_per_unit,
  coalesce(u.created_by_id, '$import') as created_by_user_pid,
  coalesce(u.updated_by_id, u.created_by_id, '$import') as modified_by_user_pid,
  case when u.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(u.created_at, u.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(u.updated_at, u.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when u.is_deleted then timezone('UTC', coalesce(u.deleted_at, u.updated_at, u.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from "user" as u
where u.default_rate is not null
