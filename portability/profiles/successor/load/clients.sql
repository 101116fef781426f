-- An account number is unique in a legal entity. The first client with a number keeps it, later ones get /2, /3; each keeps
-- the number of the source in `custom`.
with firms as (
  select
    c.id,
    coalesce(o.firm_id, u.firm_id, (select case when count(*) = 1 then min(x.id) end from firm as x)) as firm_id
  from client as c
  left join office as o on o.id = c.office_id
  left join "user" as u on u.id = c.responsible_user_id
),
numbered as (
  select
    c.id, f.firm_id,
    row_number() over (partition by f.firm_id, c.client_number order by c.opened_on nulls first, length(c.id), c.id) as turn
  from client as c
  join firms as f on f.id = c.id
),
fields as (
  select
    v.entity_id,
    to_json(list({
      'field': v.definition_id,
      'record': v.record_number,
      'value': coalesce(
        v.value_raw, v.value_string, cast(v.value_decimal as varchar), cast(v.value_date as varchar),
        cast(v.value_timestamp as varchar), cast(v.value_bool as varchar), v.value_ref_entity || '/' || v.value_ref_id)
    } order by v.definition_id, v.record_number, v.id)) as entries
  from custom_field_value as v
  where v.entity = 'client' and not v.is_deleted
  group by v.entity_id
)
select
  c.id as _id,
  c.contact_id as party_id,
  n.firm_id as legal_entity_id,
  c.client_number || case when n.turn > 1 then '/' || n.turn else '' end as account_number,
  c.client_type as kind,
  c.status as state,
  c.responsible_user_id as partner_id,
  c.office_id as branch_id,
  c.opened_on as taken_on,
  c.closed_on as ended_on,
  c.referral_source as source,
  c.referrer_contact_id as introducer_id,
  c.ledes_client_id as ebilling_id,
  c.credit_limit as credit_limit,
  c.terms_sent_on as terms_sent_on,
  c.is_placeholder as is_placeholder,
  c.notes as notes,
  nullif(json_merge_patch('{}', to_json({
    'fields': f.entries, 'legacy': cast(c.extras as json),
    'source_number': case when n.turn > 1 then c.client_number end})), '{}') as custom,
  c.is_deleted as is_deleted
from client as c
join numbered as n on n.id = c.id
left join fields as f on f.entity_id = c.id
