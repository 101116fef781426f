select
  p.id as _id,
  p.matter_id as matter_id,
  'contact/' || p.contact_id as contact_id,
  case p.party_role
    when 'client' then 'Client' when 'other_side' then 'Opposing Party' when 'other_side_representative' then 'Opposing Attorney'
    when 'bill_payer' then 'Third-Party Payor' when 'judge' then 'Judge' when 'court' then 'Court' when 'witness' then 'Witness'
    when 'expert' then 'Expert' when 'insurer' then 'Insurer' when 'guardian' then 'Guardian' when 'interpreter' then 'Interpreter'
    else coalesce(p.role_label, p.party_role)
  end as role,
  coalesce(p.created_by_id, '$import') as created_by_user_pid,
  coalesce(p.updated_by_id, p.created_by_id, '$import') as modified_by_user_pid,
  case when p.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(p.created_at, p.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(p.updated_at, p.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when p.is_deleted then timezone('UTC', coalesce(p.deleted_at, p.updated_at, p.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from matter_party as p
