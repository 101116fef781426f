-- Users made responsible for a matter, and contacts of ours who are its attorneys (matter_party has everybody else).
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
  'responsible_user-' || r.id AS id,
  'responsible_user/' || r.id AS source_key,
  r.matter_id::VARCHAR AS matter_id,
  r.user_pid::VARCHAR AS user_id,
  CASE
    WHEN regexp_matches(lower(r.responsibility), 'partner') THEN 'partner'
    WHEN regexp_matches(lower(r.responsibility), 'supervis') THEN 'supervisor'
    WHEN regexp_matches(lower(r.responsibility), 'secretary') THEN 'secretary'
    WHEN regexp_matches(lower(r.responsibility), 'paralegal|assist|trainee') THEN 'assistant'
    WHEN regexp_matches(lower(r.responsibility), 'attorney|solicitor|lawyer|fee earner') THEN 'fee_earner'
    ELSE 'other'
  END AS team_role,
  r.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(r.utc_created) AS created_at,
  r.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(r.utc_modified) AS updated_at,
  r.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(r.utc_disabled) AS deleted_at,
  {'responsibility': r.responsibility, 'disabled_by_user_pid': r.disabled_by_user_pid} AS extras
FROM source.responsible_user AS r
UNION ALL BY NAME
SELECT
  'matter_contact-' || c.id AS id,
  'matter_contact/' || c.id AS source_key,
  c.matter_id::VARCHAR AS matter_id,
  p.user_id,
  'fee_earner' AS team_role,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {'responsibility': c.role, 'disabled_by_user_pid': c.disabled_by_user_pid} AS extras
FROM source.matter_contact AS c
JOIN person AS p ON p.contact_id = c.contact_id
WHERE lower(trim(c.role)) IN ('lead attorney', 'attorney')
