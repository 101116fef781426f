with
personas as (
  select u.persona_id, cast(min(u.id) as varchar) as user_id
  from source.users as u where u.persona_type = 'ExternalUser' group by u.persona_id
),
parties as (
  select
    d.claim_id,
    'defendants/' || min(d.id) as client_id,
    string_agg(trim(concat_ws(' ', d.first_name, d.last_name)), ', ' order by d.id) as names
  from source.defendants as d group by d.claim_id
),
orders as (
  select
    d.claim_id,
    min(o.representation_order_date) as granted_on,
    list(o.maat_reference order by d.id, o.id) as references_
  from source.representation_orders as o
  join source.defendants as d on d.id = o.defendant_id
  group by d.claim_id
),
accounts as (
  select s.supplier_number, 'supplier_numbers/' || min(s.id) as office_id
    from source.supplier_numbers as s group by s.supplier_number
)
select
  cast(c.id as varchar) as id,
  'claims/' || c.id as source_key,
  cast(c.id as varchar) as matter_number,
  coalesce(p.client_id, 'claims/' || c.id) as client_id,
  cast(coalesce(c.case_type_id, s.case_type_id) as varchar) as matter_type_id,
  coalesce('R v ' || nullif(p.names, ''), 'Claim ' || c.id) as title,
  o.description as description,
  case
    when c.state = 'draft' then 'pending'
    when c.state in ('authorised', 'part_authorised', 'refused', 'rejected') then 'completed'
    when c.state like 'archived%' then 'archived'
    else 'open'
  end as status,
  c.state as stage,
  case when c.external_user_id is not null then coalesce(f.user_id, 'external_users/' || c.external_user_id) end
    as fee_earner_id,
  coalesce(a.office_id, 'providers/' || e.provider_id) as office_id,
  r.granted_on as opened_on, -- claims are made after the work: the record's own date says nothing of the case
  c.case_concluded_at as closed_on,
  cast(c.clone_source_id as varchar) as parent_matter_id,
  t.name as court_name,
  c.case_number as court_case_number,
  'GBP' as currency,
  'legal_aid' as billing_method,
  'legal_aid' as funding_type,
  r.references_[1] as legal_aid_certificate,
  case when c.apply_vat then 'standard' end as vat_treatment,
  false as is_confidential,
  c.additional_information as notes,
  from_utc(c.created_at) as created_at,
  case when c.creator_id is not null then coalesce(k.user_id, 'external_users/' || c.creator_id) end as created_by_id,
  from_utc(c.updated_at) as updated_at,
  c.deleted_at is not null as is_deleted,
  from_utc(c.deleted_at) as deleted_at,
  {
    'type': c.type,
    'uuid': c.uuid,
    'source': c.source,
    'form_id': c.form_id,
    'providers_ref': c.providers_ref,
    'supplier_number': c.supplier_number,
    'cms_number': c.cms_number,
    'transfer_case_number': c.transfer_case_number,
    'advocate_category': c.advocate_category,
    'allocation_type': c.allocation_type,
    'case_stage_id': c.case_stage_id,
    'offence_id': c.offence_id,
    'value_band_id': c.value_band_id,
    'london_rates_apply': c.london_rates_apply,
    'disk_evidence': c.disk_evidence,
    'prosecution_evidence': c.prosecution_evidence,
    'evidence_checklist_ids': c.evidence_checklist_ids,
    'evidence_notes': c.evidence_notes,
    'travel_expense_additional_information': c.travel_expense_additional_information,
    'estimated_trial_length': c.estimated_trial_length,
    'actual_trial_length': c.actual_trial_length,
    'retrial_estimated_length': c.retrial_estimated_length,
    'retrial_actual_length': c.retrial_actual_length,
    'retrial_reduction': c.retrial_reduction,
    'trial_cracked_at_third': c.trial_cracked_at_third,
    'last_edited_at': c.last_edited_at
  } as extras
from source.claims as c
left join parties as p on p.claim_id = c.id
left join orders as r on r.claim_id = c.id
left join source.offences as o on o.id = c.offence_id
left join source.courts as t on t.id = c.court_id
left join source.case_stages as s on s.id = c.case_stage_id
left join source.external_users as e on e.id = c.creator_id
left join personas as f on f.persona_id = c.external_user_id
left join personas as k on k.persona_id = c.creator_id
left join accounts as a on a.supplier_number = c.supplier_number
