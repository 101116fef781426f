-- A provider's main office (its account for advocates' fees), its litigation accounts, and the agency's places.
select
  'providers/' || p.id as id,
  'providers/' || p.id as source_key,
  'providers/' || p.id as firm_id,
  coalesce(nullif(p.name, ''), 'Provider ' || p.id) as name,
  p.firm_agfs_supplier_number as laa_account_number,
  null as postcode,
  true as is_active,
  from_utc(p.created_at) as created_at,
  from_utc(p.updated_at) as updated_at
from source.providers as p
union all
select
  'supplier_numbers/' || s.id,
  'supplier_numbers/' || s.id,
  'providers/' || s.provider_id,
  coalesce(nullif(s.name, ''), s.supplier_number),
  s.supplier_number,
  s.postcode,
  true,
  null,
  null
from source.supplier_numbers as s
union all
select 'locations/' || l.id, 'locations/' || l.id, 'laa', l.name, null, null, true, from_utc(l.created_at),
  from_utc(l.updated_at)
from source.locations as l
