-- A birthday is a local midnight stored as UTC, so that its day is the nearest midnight's whatever zone it was typed in.
SELECT
  c.id::VARCHAR AS id,
  'contact/' || c.id AS source_key,
  CASE WHEN c.is_organization THEN 'organisation' ELSE 'person' END AS contact_type,
  coalesce(
    text_or_null(trim(c.display_name)),
    text_or_null(concat_ws(' ', text_or_null(c.given_name), text_or_null(c.surname))),
    text_or_null(c.company_name),
    'Contact ' || c.id
  ) AS display_name,
  c.display_name_prefix AS title,
  c.given_name,
  c.middle_name AS middle_names,
  c.surname AS family_name,
  c.generation AS suffix,
  c.nickname AS preferred_name,
  CASE WHEN c.is_organization THEN c.company_name END AS organisation_name,
  (c.birthday + INTERVAL 12 HOURS)::DATE AS date_of_birth,
  c.gender,
  c.profession AS occupation,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {
    'is_our_employee': CASE WHEN c.is_our_employee THEN true END,
    'initials': c.initials,
    'birthday_utc': c.birthday,
    'wedding_utc': c.wedding,
    'job_title': c.title,
    'company_name': CASE WHEN NOT c.is_organization THEN c.company_name END,
    'department_name': c.department_name,
    'office_location': c.office_location,
    'manager_name': c.manager_name,
    'assistant_name': c.assistant_name,
    'spouse_name': c.spouse_name,
    'language': c.language,
    'referred_by_name': c.referred_by_name,
    'billing_rate_id': c.billing_rate_id,
    'disabled_by_user_pid': c.disabled_by_user_pid
  } AS extras
FROM source.contact AS c
UNION ALL BY NAME
-- The contact of the placeholder clients, when a matter names no client.
SELECT
  'no-client' AS id,
  '$profile/no-client' AS source_key,
  'unknown' AS contact_type,
  'Client not recorded' AS display_name,
  false AS is_deleted
FROM source.matter AS m
WHERE m.id NOT IN (SELECT matter_id FROM source.matter_contact WHERE lower(trim(role)) IN ('client', 'appointed client'))
HAVING count(*) > 0
