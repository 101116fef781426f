with orphans as (
  -- personas that claims and allocations name, but whose user is gone
  select
    'external_users/' || e.id as id, 'providers/' || e.provider_id as home, 'providers/' || e.provider_id as office,
    'External user ' || e.id as name, 'ExternalUser' as kind, e.id as persona, e.roles, e.supplier_number,
    e.vat_registered, e.uuid, e.created_at, e.updated_at, e.deleted_at
  from source.external_users as e
  where e.id not in (select u.persona_id from source.users as u
    where u.persona_type = 'ExternalUser' and u.persona_id is not null)
  union all
  select
    'case_workers/' || w.id, 'laa', 'locations/' || w.location_id, 'Case worker ' || w.id, 'CaseWorker', w.id,
      w.roles, null,
    null, w.uuid, w.created_at, w.updated_at, w.deleted_at
  from source.case_workers as w
  where w.id not in (select u.persona_id from source.users as u
    where u.persona_type = 'CaseWorker' and u.persona_id is not null)
)
select
  cast(u.id as varchar) as id,
  'users/' || u.id as source_key,
  case when e.id is not null then 'providers/' || e.provider_id else 'laa' end as firm_id,
  case when e.id is not null then 'providers/' || e.provider_id
    when w.id is not null then 'locations/' || w.location_id end
    as office_id,
  u.email as login_name,
  coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), u.email) as display_name,
  u.first_name as given_name,
  u.last_name as family_name,
  -- deleting a user renames the address, to free it for another account
  regexp_replace(u.email, '\.deleted\.[0-9]+$', '') as email,
  coalesce(regexp_matches(e.roles, '- (advocate|litigator)'), false) as is_fee_earner,
  e.supplier_number as fee_earner_code,
  case when u.deleted_at is not null then 'leaver'
    when u.disabled_at is not null then 'disabled' else 'active' end as status,
  from_utc(u.created_at) as created_at,
  from_utc(u.updated_at) as updated_at,
  u.deleted_at is not null as is_deleted,
  from_utc(u.deleted_at) as deleted_at,
  {
    'persona_type': u.persona_type,
    'persona_id': u.persona_id,
    'roles': coalesce(e.roles, w.roles),
    'vat_registered': e.vat_registered,
    'persona_uuid': coalesce(e.uuid, w.uuid),
    'persona_created_at': coalesce(e.created_at, w.created_at, a.created_at),
    'persona_updated_at': coalesce(e.updated_at, w.updated_at, a.updated_at),
    'persona_deleted_at': coalesce(e.deleted_at, w.deleted_at),
    'settings': u.settings,
    'disabled_at': u.disabled_at,
    'sign_in_count': u.sign_in_count,
    'current_sign_in_at': u.current_sign_in_at,
    'current_sign_in_ip': u.current_sign_in_ip,
    'last_sign_in_at': u.last_sign_in_at,
    'last_sign_in_ip': u.last_sign_in_ip,
    'remember_created_at': u.remember_created_at,
    'reset_password_sent_at': u.reset_password_sent_at,
    'failed_attempts': u.failed_attempts,
    'locked_at': u.locked_at
  } as extras
from source.users as u
left join source.external_users as e on u.persona_type = 'ExternalUser' and e.id = u.persona_id
left join source.case_workers as w on u.persona_type = 'CaseWorker' and w.id = u.persona_id
left join source.super_admins as a on u.persona_type = 'SuperAdmin' and a.id = u.persona_id
union all
select
  o.id,
  o.id,
  o.home,
  o.office,
  null,
  o.name,
  null,
  null,
  null,
  coalesce(regexp_matches(o.roles, '- (advocate|litigator)'), false),
  o.supplier_number,
  'leaver',
  from_utc(o.created_at),
  from_utc(o.updated_at),
  o.deleted_at is not null,
  from_utc(o.deleted_at),
  {'persona_type': o.kind, 'persona_id': o.persona, 'roles': o.roles, 'vat_registered': o.vat_registered,
    'persona_uuid': o.uuid}
from orphans as o
