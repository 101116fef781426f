-- Accounts, and the employees and timekeepers who have none. Time is recorded against contacts, rights against accounts.
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
)
SELECT
  u."pId"::VARCHAR AS id,
  'Users/' || u."pId" AS source_key,
  'firm' AS firm_id,
  u."Username" AS login_name,
  coalesce(text_or_null(c.display_name), u."Username") AS display_name,
  c.given_name,
  c.surname AS family_name,
  c.initials,
  u."Email" AS email,
  c.telephone1_telephone_number AS phone,
  r.id IS NOT NULL OR coalesce(c.id IN (SELECT worker_contact_id FROM source."time"), false) AS is_fee_earner,
  c.title AS job_title,
  r.price_per_unit AS default_rate,
  CASE WHEN u."IsApproved" THEN 'active' ELSE 'disabled' END AS status,
  u."CreationDate" AS created_at,
  false AS is_deleted,
  NULL::TIMESTAMPTZ AS deleted_at,
  {
    'application': u."ApplicationName",
    'comment': u."Comment",
    'last_activity': u."LastActivityDate",
    'last_login': u."LastLoginDate",
    'is_online': u."IsOnLine",
    'is_locked_out': u."IsLockedOut",
    'last_locked_out': u."LastLockedOutDate",
    'contact_id': c.id
  } AS extras
FROM source."Users" AS u
LEFT JOIN account AS a ON a.user_pid = u."pId"
LEFT JOIN source.contact AS c ON c.id = a.contact_id
LEFT JOIN source.billing_rate AS r ON r.id = c.billing_rate_id
UNION ALL BY NAME
SELECT
  p.user_id AS id,
  'contact/' || c.id AS source_key,
  'firm' AS firm_id,
  coalesce(text_or_null(c.display_name), 'Contact ' || c.id) AS display_name,
  c.given_name,
  c.surname AS family_name,
  c.initials,
  c.email1_email_address AS email,
  c.telephone1_telephone_number AS phone,
  r.id IS NOT NULL OR c.id IN (SELECT worker_contact_id FROM source."time") AS is_fee_earner,
  c.title AS job_title,
  r.price_per_unit AS default_rate,
  CASE WHEN c.utc_disabled IS NULL THEN 'active' ELSE 'leaver' END AS status,
  from_utc(c.utc_created) AS created_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {
    'application': NULL::VARCHAR,
    'comment': NULL::VARCHAR,
    'last_activity': NULL::TIMESTAMPTZ,
    'last_login': NULL::TIMESTAMPTZ,
    'is_online': NULL::BOOLEAN,
    'is_locked_out': NULL::BOOLEAN,
    'last_locked_out': NULL::TIMESTAMPTZ,
    'contact_id': c.id
  } AS extras
FROM person AS p
JOIN source.contact AS c ON p.user_id = 'contact-' || c.id
LEFT JOIN source.billing_rate AS r ON r.id = c.billing_rate_id
