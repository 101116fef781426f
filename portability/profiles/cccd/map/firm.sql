-- Every provider is a firm or a set of chambers of its own; the agency's staff need a home too.
select
  'providers/' || p.id as id,
  'providers/' || p.id as source_key,
  coalesce(nullif(p.name, ''), 'Provider ' || p.id) as name,
  case when p.vat_registered = false then 'not_registered' end as vat_scheme,
  'GBP' as base_currency,
  'Europe/London' as time_zone,
  from_utc(p.created_at) as created_at,
  from_utc(p.updated_at) as updated_at,
  {'provider_type': p.provider_type, 'roles': p.roles, 'vat_registered': p.vat_registered, 'uuid': p.uuid} as extras
from source.providers as p
union all
select 'laa', '$profile/laa', 'Legal Aid Agency', null, 'GBP', 'Europe/London', null, null, null
