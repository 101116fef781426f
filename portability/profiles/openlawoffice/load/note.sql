select
  n.id as _id,
  coalesce(n.subject, '') as title,
  n.body as body,
  timezone('UTC', n.noted_at) as "timestamp",
  coalesce(n.author_id, n.created_by_id, '$import') as created_by_user_pid,
  coalesce(n.updated_by_id, n.author_id, n.created_by_id, '$import') as modified_by_user_pid,
  case when n.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(n.created_at, n.noted_at)) as utc_created,
  timezone('UTC', coalesce(n.updated_at, n.created_at, n.noted_at)) as utc_modified,
  case when n.is_deleted then timezone('UTC', coalesce(n.deleted_at, n.updated_at, n.created_at, n.noted_at)) end as utc_disabled
from note as n
