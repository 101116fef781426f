select
  cast(t.id as varchar) as id,
  'case_types/' || t.id as source_key,
  coalesce(nullif(t.fee_type_code, ''), cast(t.id as varchar)) as code,
  t.name,
  t.fee_type_code as laa_matter_type,
  true as is_contentious,
  true as is_active,
  from_utc(t.created_at) as created_at,
  from_utc(t.updated_at) as updated_at,
  {
    'is_fixed_fee': t.is_fixed_fee,
    'roles': t.roles,
    'allow_pcmh_fee_type': t.allow_pcmh_fee_type,
    'requires_cracked_dates': t.requires_cracked_dates,
    'requires_maat_reference': t.requires_maat_reference,
    'requires_retrial_dates': t.requires_retrial_dates,
    'requires_trial_dates': t.requires_trial_dates,
    'uuid': t.uuid
  } as extras
from source.case_types as t
