-- There is no list of clients: a client is a contact whom a matter names as one. Two kinds of rows are made up and say so:
-- one for each matter that names none, and one for each payer of an invoice over several matters who is no client.
WITH
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
),
known AS (
  SELECT r.contact_id, bool_or(m.active AND m.utc_disabled IS NULL) AS is_active
  FROM client_role AS r
  JOIN source.matter AS m ON m.id = r.matter_id
  GROUP BY r.contact_id
)
SELECT
  c.id::VARCHAR AS id,
  'contact/' || c.id AS source_key,
  c.id::VARCHAR AS contact_id,
  c.id::VARCHAR AS client_number,
  CASE WHEN c.is_organization THEN 'company' ELSE 'individual' END AS client_type,
  CASE WHEN k.is_active THEN 'active' ELSE 'former' END AS status,
  c.referred_by_name AS referral_source,
  false AS is_placeholder,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at
FROM known AS k
JOIN source.contact AS c ON c.id = k.contact_id
UNION ALL BY NAME
SELECT DISTINCT
  c.id::VARCHAR AS id,
  'contact/' || c.id AS source_key,
  c.id::VARCHAR AS contact_id,
  c.id::VARCHAR AS client_number,
  CASE WHEN c.is_organization THEN 'company' ELSE 'individual' END AS client_type,
  'active' AS status,
  c.referred_by_name AS referral_source,
  true AS is_placeholder,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at
FROM source.invoice AS i
JOIN source.contact AS c ON c.id = i.bill_to_contact_id
WHERE i.matter_id IS NULL AND c.id NOT IN (SELECT contact_id FROM known)
UNION ALL BY NAME
SELECT
  'matter-' || m.id AS id,
  'matter/' || m.id AS source_key,
  'no-client' AS contact_id,
  'matter-' || m.id AS client_number,
  'other' AS client_type,
  CASE WHEN m.active AND m.utc_disabled IS NULL THEN 'active' ELSE 'former' END AS status,
  true AS is_placeholder,
  m.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(m.utc_created) AS created_at,
  m.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(m.utc_modified) AS updated_at,
  m.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(m.utc_disabled) AS deleted_at
FROM source.matter AS m
WHERE m.id NOT IN (SELECT matter_id FROM matter_client)
