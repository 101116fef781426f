-- Contacts of a matter by role, but our own attorneys (matter_team_member has them); its payer; and the placeholder client.
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
  'matter_contact-' || c.id AS id,
  'matter_contact/' || c.id AS source_key,
  c.matter_id::VARCHAR AS matter_id,
  c.contact_id::VARCHAR AS contact_id,
  CASE lower(trim(c.role))
    WHEN 'client' THEN 'client'
    WHEN 'appointed client' THEN 'client'
    WHEN 'opposing party' THEN 'other_side'
    WHEN 'opposing attorney' THEN 'other_side_representative'
    WHEN 'third-party payor' THEN 'bill_payer'
    WHEN 'judge' THEN 'judge'
    WHEN 'court' THEN 'court'
    WHEN 'witness' THEN 'witness'
    WHEN 'expert' THEN 'expert'
    WHEN 'expert witness' THEN 'expert'
    WHEN 'insurer' THEN 'insurer'
    WHEN 'guardian' THEN 'guardian'
    WHEN 'interpreter' THEN 'interpreter'
    ELSE 'other'
  END AS party_role,
  c.role AS role_label,
  CASE WHEN lower(trim(c.role)) IN ('opposing party', 'opposing attorney') THEN true END AS is_adverse,
  c.contact_id = m.bill_to_contact_id OR lower(trim(c.role)) = 'third-party payor' AS is_bill_payer,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': c.disabled_by_user_pid} AS extras
FROM source.matter_contact AS c
JOIN source.matter AS m ON m.id = c.matter_id
LEFT JOIN person AS p ON p.contact_id = c.contact_id
WHERE p.user_id IS NULL OR lower(trim(c.role)) NOT IN ('lead attorney', 'attorney')
UNION ALL BY NAME
SELECT
  'bill_to-' || m.id AS id,
  'matter/' || m.id AS source_key,
  m.id::VARCHAR AS matter_id,
  m.bill_to_contact_id::VARCHAR AS contact_id,
  'bill_payer' AS party_role,
  true AS is_bill_payer,
  m.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(m.utc_created) AS created_at,
  m.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(m.utc_modified) AS updated_at,
  m.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(m.utc_disabled) AS deleted_at
FROM source.matter AS m
WHERE m.bill_to_contact_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM source.matter_contact AS c WHERE c.matter_id = m.id AND c.contact_id = m.bill_to_contact_id)
UNION ALL BY NAME
SELECT
  'no-client-' || m.id AS id,
  'matter/' || m.id AS source_key,
  m.id::VARCHAR AS matter_id,
  'no-client' AS contact_id,
  'client' AS party_role,
  m.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(m.utc_created) AS created_at,
  m.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(m.utc_modified) AS updated_at,
  m.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(m.utc_disabled) AS deleted_at
FROM source.matter AS m
WHERE m.id NOT IN (SELECT matter_id FROM matter_client)
