select
  t.id as _id,
  t.matter_id as matter_id,
  t.user_id as user_pid,
  case t.team_role
    when 'fee_earner' then 'Fee earner' when 'supervisor' then 'Supervisor' when 'partner' then 'Partner' when 'assistant' then 'Assistant'
    when 'secretary' then 'Secretary' else t.team_role
  end as responsibility,
  coalesce(t.created_by_id, '$import') as created_by_user_pid,
  coalesce(t.updated_by_id, t.created_by_id, '$import') as modified_by_user_pid,
  case when t.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(t.created_at, t.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when t.is_deleted then timezone('UTC', coalesce(t.deleted_at, t.updated_at, t.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from matter_team_member as t
