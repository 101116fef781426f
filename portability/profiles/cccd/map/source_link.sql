-- Rows of which a canonical row was made besides its main one.
select
  'user/' || u.id || '/persona' as id,
  'user' as entity,
  cast(u.id as varchar) as entity_id,
  case u.persona_type when 'ExternalUser' then 'external_users/'
    when 'CaseWorker' then 'case_workers/' else 'super_admins/' end || u.persona_id
    as source_key,
  'contributing' as link_role
from source.users as u
where u.persona_type in ('ExternalUser', 'CaseWorker', 'SuperAdmin') and u.persona_id is not null
union all
select
  'document_version/active_storage_attachments/' || a.id || '/blob',
  'document_version',
  'active_storage_attachments/' || a.id,
  'active_storage_blobs/' || a.blob_id,
  'contributing'
from source.active_storage_attachments as a
