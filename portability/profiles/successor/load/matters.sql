-- References are unique in a legal entity: doubled ones are numbered like the clients' account numbers.
with firms as (
  select
    m.id,
    coalesce(o.firm_id, h.firm_id, co.firm_id, (select case when count(*) = 1 then min(x.id) end from firm as x)) as firm_id
  from matter as m
  left join office as o on o.id = m.office_id
  left join "user" as h on h.id = m.fee_earner_id
  left join client as c on c.id = m.client_id
  left join office as co on co.id = c.office_id
),
numbered as (
  select
    m.id, f.firm_id,
    row_number() over (partition by f.firm_id, m.matter_number order by m.created_at nulls first, length(m.id), m.id) as turn
  from matter as m
  join firms as f on f.id = m.id
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
  where v.entity = 'matter' and not v.is_deleted
  group by v.entity_id
),
tags as (
  select g.entity_id, to_json(list(g.label order by g.label, g.id)) as labels
  from tag as g
  where g.entity = 'matter' and not g.is_deleted
  group by g.entity_id
),
stored as (
  select
    a.matter_id,
    to_json(list(json_merge_patch('{}', to_json({
      'number': a.archive_number, 'archived_on': a.archived_on, 'box': a.box_number,
      'place': a.storage_location, 'basis': a.retention_basis, 'years': a.retention_years, 'destroy_after': a.destroy_after,
      'hold': a.legal_hold, 'hold_reason': a.legal_hold_reason, 'destroyed_on': a.destroyed_on,
      'destroyed_how': a.destruction_method, 'out_to': a.checked_out_to, 'comments': a.comments
    })) order by a.id)) as records
  from archive_record as a
  where not a.is_deleted
  group by a.matter_id
),
details as (
  select
    m.id,
    json_merge_patch('{}', to_json({
      'jurisdiction': m.jurisdiction, 'legal_aid_ufn': m.legal_aid_ufn, 'legal_aid_certificate': m.legal_aid_certificate,
      'rate_card': m.rate_card_code, 'vat_treatment': m.vat_treatment, 'conflict_status': m.conflict_status,
      'cdd_status': m.cdd_status, 'file_location': m.file_location
    })) as entries
  from matter as m
)
select
  m.id as _id,
  n.firm_id as legal_entity_id,
  m.matter_number || case when n.turn > 1 then '/' || n.turn else '' end as reference,
  m.client_id as client_id,
  m.matter_type_id as work_type_id,
  m.title as name,
  m.description as description,
  m.status as state_code,
  m.stage as stage,
  m.fee_earner_id as handler_id,
  m.supervisor_id as partner_id,
  m.office_id as branch_id,
  m.parent_matter_id as parent_id,
  m.opened_on as opened_on,
  m.closed_on as closed_on,
  m.client_reference as client_reference,
  m.court_name as court,
  m.court_case_number as court_reference,
  m.claim_value as value_in_dispute,
  m.currency as currency,
  m.billing_method as charging,
  m.funding_type as funding,
  m.fixed_fee as fixed_fee,
  m.costs_estimate as estimate,
  m.estimate_given_on as estimate_on,
  m.risk_rating as risk,
  m.is_confidential as is_restricted,
  m.folder_root as folder,
  m.notes as notes,
  t.labels as tags,
  s.records as retention,
  nullif(json_merge_patch('{}', to_json({
    'fields': f.entries, 'details': nullif(d.entries, '{}'), 'legacy': cast(m.extras as json),
    'source_number': case when n.turn > 1 then m.matter_number end})), '{}') as custom,
  timezone('UTC', m.created_at) as created_at,
  m.created_by_id as created_by,
  timezone('UTC', m.updated_at) as changed_at,
  timezone('UTC', m.deleted_at) as deleted_at,
  m.is_deleted as is_deleted
from matter as m
join numbered as n on n.id = m.id
left join details as d on d.id = m.id
left join fields as f on f.entity_id = m.id
left join tags as t on t.entity_id = m.id
left join stored as s on s.matter_id = m.id
