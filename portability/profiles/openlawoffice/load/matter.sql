-- The application has no numbers, dates or status words for matters: they are form fields (form_field_matter). Open is active.
select
  m.id as _id,
  m.title as title,
  m.status in ('enquiry', 'pending', 'open', 'on_hold') as active,
  m.parent_matter_id as parent_id,
  coalesce(m.description, '') as synopsis,
  m.jurisdiction as jurisdiction,
  m.court_case_number as case_number,
  'user/' || m.fee_earner_id as lead_attorney_contact_id,
  m.costs_estimate as estimated_charge,
  true as override_matter_rate_with_employee_rate,
  m.matter_type_id as matter_type_id,
  coalesce(m.created_by_id, '$import') as created_by_user_pid,
  coalesce(m.updated_by_id, m.created_by_id, '$import') as modified_by_user_pid,
  case when m.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(m.created_at, m.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(m.updated_at, m.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when m.is_deleted then timezone('UTC', coalesce(m.deleted_at, m.updated_at, m.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from matter as m
