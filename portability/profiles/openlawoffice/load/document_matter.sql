select
  d.id as _id,
  d.id as document_id,
  d.matter_id as matter_id,
  coalesce(d.created_by_id, '$import') as created_by_user_pid,
  coalesce(d.updated_by_id, d.created_by_id, '$import') as modified_by_user_pid,
  case when d.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(d.created_at, d.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(d.updated_at, d.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when d.is_deleted then timezone('UTC', coalesce(d.deleted_at, d.updated_at, d.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from document as d
where d.matter_id is not null
