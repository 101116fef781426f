-- Matters have no number of their own, nor an opening or closing date: the key is the number, and a closed matter is an inactive one.
WITH
-- An account and its person: the one employee who has the account's e-mail address.
account AS (
  SELECT u."pId" AS user_pid, min(e.contact_id) AS contact_id
  FROM source."Users" AS u
  JOIN (
    SELECT id AS contact_id, unnest([email1_email_address, email2_email_address, email3_email_address]) AS address
    FROM source.contact
    WHERE is_our_employee
  ) AS e ON lower(e.address) = lower(u."Email")
  GROUP BY u."pId"
  HAVING count(DISTINCT e.contact_id) = 1
),
-- Every contact who is an employee, records time or leads a matter is a user; without an account, one of his own.
person AS (
  SELECT s.contact_id, coalesce(min(a.user_pid::VARCHAR), 'contact-' || s.contact_id) AS user_id
  FROM (
    SELECT id AS contact_id FROM source.contact WHERE is_our_employee
    UNION SELECT worker_contact_id FROM source."time"
    UNION SELECT lead_attorney_contact_id FROM source.matter WHERE lead_attorney_contact_id IS NOT NULL
  ) AS s
  LEFT JOIN account AS a ON a.contact_id = s.contact_id
  GROUP BY s.contact_id
),
-- The client of a matter is a contact by role; the first live "Client", then "Appointed Client", then a disabled one.
client_role AS (
  SELECT
    matter_id, contact_id, id,
    utc_disabled IS NOT NULL AS gone,
    CASE lower(trim(role)) WHEN 'client' THEN 1 ELSE 2 END AS preference
  FROM source.matter_contact
  WHERE lower(trim(role)) IN ('client', 'appointed client')
),
matter_client AS (
  SELECT matter_id, first(contact_id ORDER BY gone, preference, id) AS contact_id
  FROM client_role
  GROUP BY matter_id
)
SELECT
  m.id::VARCHAR AS id,
  'matter/' || m.id AS source_key,
  m.id::VARCHAR AS matter_number,
  coalesce(c.contact_id::VARCHAR, 'matter-' || m.id) AS client_id,
  m.matter_type_id::VARCHAR AS matter_type_id,
  coalesce(text_or_null(m.title), '(untitled)') AS title,
  m.synopsis AS description,
  CASE WHEN m.active THEN 'open' ELSE 'closed' END AS status,
  p.user_id AS fee_earner_id,
  m.parent_id::VARCHAR AS parent_matter_id,
  m.case_number AS court_case_number,
  m.jurisdiction,
  'GBP' AS currency,
  m.estimated_charge AS costs_estimate,
  m.default_billing_rate_id::VARCHAR AS rate_card_code,
  false AS is_confidential,
  m.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(m.utc_created) AS created_at,
  m.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(m.utc_modified) AS updated_at,
  m.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(m.utc_disabled) AS deleted_at,
  {
    'minimum_charge': m.minimum_charge,
    'maximum_charge': m.maximum_charge,
    'bill_to_contact_id': m.bill_to_contact_id,
    'billing_group_id': m.billing_group_id,
    'override_matter_rate_with_employee_rate': m.override_matter_rate_with_employee_rate,
    'disabled_by_user_pid': m.disabled_by_user_pid
  } AS extras
FROM source.matter AS m
LEFT JOIN matter_client AS c ON c.matter_id = m.id
LEFT JOIN person AS p ON p.contact_id = m.lead_attorney_contact_id
