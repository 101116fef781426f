with orders as (
  select o.defendant_id, list({'scheme': 'maat', 'value': o.maat_reference} order by o.id) as identifiers
  from source.representation_orders as o where o.maat_reference <> '' group by o.defendant_id
)
select
  'defendants/' || d.id as id,
  'defendants/' || d.id as source_key,
  'person' as contact_type,
  coalesce(nullif(trim(concat_ws(' ', d.first_name, d.last_name)), ''), 'Defendant ' || d.id) as display_name,
  d.first_name as given_name,
  d.last_name as family_name,
  null as organisation_name,
  d.date_of_birth,
  o.identifiers as other_identifiers,
  from_utc(d.created_at) as created_at,
  from_utc(d.updated_at) as updated_at,
  {'order_for_judicial_apportionment': d.order_for_judicial_apportionment, 'uuid': d.uuid} as extras
from source.defendants as d
left join orders as o on o.defendant_id = d.id
union all
-- a claim saved before anybody was named
select 'claims/' || c.id, 'claims/' || c.id, 'unknown', 'Defendant of claim ' || c.id, null, null, null, null, null,
  from_utc(c.created_at), null, null
from source.claims as c
where c.id not in (select d.claim_id from source.defendants as d where d.claim_id is not null)
union all
select
  'courts/' || c.id, 'courts/' || c.id, 'court', coalesce(nullif(c.name, ''), 'Court ' || c.id), null, null, c.name,
    null,
  case when c.code <> '' then [{'scheme': 'court code', 'value': c.code}] end,
  from_utc(c.created_at), from_utc(c.updated_at), {'court_type': c.court_type}
from source.courts as c
union all
-- places that travel expenses are claimed for
select
  'establishments/' || e.id, 'establishments/' || e.id,
  case when e.category in ('crown_court', 'magistrates_court') then 'court' else 'public_body' end,
  coalesce(nullif(e.name, ''), 'Establishment ' || e.id), null, null, e.name, null, null,
  from_utc(e.created_at), from_utc(e.updated_at), {'category': e.category}
from source.establishments as e
union all
select 'laa', '$profile/laa', 'public_body', 'Legal Aid Agency', null, null, 'Legal Aid Agency', null, null, null,
  null, null
