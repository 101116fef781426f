-- Everybody in a matter but its client, once for each matter: the application's contacts belong to one case. A county stands in the
-- address, because state has two letters.
with points as (
  select
    p.contact_id,
    map_from_entries(list({'k': coalesce(p.label, p.kind), 'v': p.value} order by p.is_primary desc, length(p.id), p.id)
      filter (p.kind in ('phone', 'mobile', 'fax'))) as phones,
    map_from_entries(list({'k': coalesce(p.label, p.kind), 'v': p.value} order by p.is_primary desc, length(p.id), p.id) filter (p.kind = 'email')) as emails,
    min(p.value) filter (p.kind = 'web') as web
  from (
    select q.*, row_number() over (partition by q.contact_id, q.kind, coalesce(q.label, q.kind) order by q.is_primary desc, length(q.id), q.id) as turn
    from contact_point as q
    where not q.is_deleted
  ) as p
  where p.turn = 1
  group by p.contact_id
),
homes as (
  select a.*, row_number() over (partition by a.contact_id order by a.is_primary desc, length(a.id), a.id) as turn
  from contact_address as a
  where not a.is_deleted
)
select
  p.id as _id,
  case when c.contact_type = 'person' then coalesce(c.given_name, '') else '' end as first_name,
  case when c.contact_type = 'person' then coalesce(c.family_name, c.display_name) else '' end as last_name,
  case when c.contact_type = 'person' then '' else c.display_name end as organization,
  case p.party_role
    when 'witness' then 'Witness' when 'other_side_representative' then 'Opposing Counsel' when 'other_side' then 'Opposing Party'
    when 'expert' then 'Expert' else coalesce(p.role_label, p.party_role)
  end as type,
  concat_ws(chr(10), a.line1, a.line2, a.line3, a.county) as address,
  coalesce(a.town, '') as city,
  coalesce(a.postcode, '') as zip,
  coalesce(cast(to_json(o.phones) as varchar), '') as phone,
  coalesce(cast(to_json(o.emails) as varchar), '') as email,
  coalesce(o.web, '') as url,
  concat_ws(chr(10), c.notes, p.notes) as notes,
  p.matter_id as assoc_case
from matter_party as p
join contact as c on c.id = p.contact_id
left join points as o on o.contact_id = c.id
left join homes as a on a.contact_id = c.id and a.turn = 1
where p.party_role <> 'client' and not p.is_deleted
