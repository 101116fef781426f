with
dates as (
  select 'claims/' || id as place, id as claim_id, 'first_day_of_trial' as name, 'hearing' as kind,
  first_day_of_trial as day from source.claims
  union all select 'claims/' || id, id, 'trial_concluded_at', 'hearing', trial_concluded_at from source.claims
  union all select 'claims/' || id, id, 'trial_fixed_notice_at', 'other', trial_fixed_notice_at from source.claims
  union all select 'claims/' || id, id, 'trial_fixed_at', 'hearing', trial_fixed_at from source.claims
  union all select 'claims/' || id, id, 'trial_cracked_at', 'hearing', trial_cracked_at from source.claims
  union all select 'claims/' || id, id, 'retrial_started_at', 'hearing', retrial_started_at from source.claims
  union all select 'claims/' || id, id, 'retrial_concluded_at', 'hearing', retrial_concluded_at from source.claims
  union all select 'claims/' || id, id, 'effective_pcmh_date', 'hearing', effective_pcmh_date from source.claims
  union all select 'claims/' || id, id, 'main_hearing_date', 'hearing', main_hearing_date from source.claims
  union all select 'claims/' || id, id, 'legal_aid_transfer_date', 'other', legal_aid_transfer_date from source.claims
  union all select 'claims/' || id, id, 'case_concluded_at', 'other', case_concluded_at from source.claims
  union all select 'transfer_details/' || id, claim_id, 'transfer_date', 'other', transfer_date
    from source.transfer_details
  union all select 'interim_claim_info/' || id, claim_id, 'warrant_issued_date', 'other', warrant_issued_date
    from source.interim_claim_info
  union all select 'interim_claim_info/' || id, claim_id, 'warrant_executed_date', 'other', warrant_executed_date
    from source.interim_claim_info
  union all select 'fees/' || id, claim_id, 'warrant_issued_date', 'other', warrant_issued_date from source.fees
  union all select 'fees/' || id, claim_id, 'warrant_executed_date', 'other', warrant_executed_date from source.fees
)
select
  d.place || '/' || d.name as id,
  d.place as source_key,
  cast(d.claim_id as varchar) as matter_id,
  d.kind as date_type,
  d.day as due_on,
  replace(regexp_replace(d.name, '_(at|date)$', ''), '_', ' ') as description,
  'met' as status,
  false as is_critical,
  null as created_at,
  null as updated_at,
  null as extras
from dates as d
where d.day is not null
union all
select
  'representation_orders/' || o.id,
  'representation_orders/' || o.id,
  cast(d.claim_id as varchar),
  'other',
  o.representation_order_date,
  'representation order ' || coalesce(o.maat_reference, ''),
  'met',
  false,
  from_utc(o.created_at),
  from_utc(o.updated_at),
  {'contact_id': 'defendants/' || o.defendant_id, 'uuid': o.uuid}
from source.representation_orders as o
left join source.defendants as d on d.id = o.defendant_id
union all
select
  'certifications/' || c.id,
  'certifications/' || c.id,
  cast(c.claim_id as varchar),
  'other',
  c.certification_date,
  'certified by ' || coalesce(nullif(c.certified_by, ''), '?') || coalesce(': ' || t.name, ''),
  'met',
  false,
  from_utc(c.created_at),
  from_utc(c.updated_at),
  {'certification_type_id': c.certification_type_id}
from source.certifications as c
left join source.certification_types as t on t.id = c.certification_type_id
