-- Every defendant is somebody's client. The same person in two claims is two defendants; nobody may guess otherwise.
select
  'defendants/' || d.id as id,
  'defendants/' || d.id as source_key,
  'defendants/' || d.id as contact_id,
  'D' || d.id as client_number,
  'individual' as client_type,
  'active' as status,
  'providers/' || e.provider_id as office_id,
  false as is_placeholder,
  from_utc(d.created_at) as created_at,
  from_utc(d.updated_at) as updated_at
from source.defendants as d
left join source.claims as c on c.id = d.claim_id
left join source.external_users as e on e.id = c.creator_id
union all
select 'claims/' || c.id, 'claims/' || c.id, 'claims/' || c.id, 'C' || c.id, 'individual', 'active',
  'providers/' || e.provider_id,
  true, from_utc(c.created_at), null
from source.claims as c
left join source.external_users as e on e.id = c.creator_id
where c.id not in (select d.claim_id from source.defendants as d where d.claim_id is not null)
