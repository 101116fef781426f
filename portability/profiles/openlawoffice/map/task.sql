-- The assignee is the responsible user, else the contact of ours whom the task was given to; all of them are in extras.
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
-- A task's first live matter; a matter whose link is disabled when there is no other.
task_home AS (
  SELECT task_id, first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id
  FROM source.task_matter
  GROUP BY task_id
),
matter AS (
  SELECT task_id, to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR)) AS matters
  FROM source.task_matter
  GROUP BY task_id
  HAVING count(DISTINCT matter_id) > 1
),
responsible AS (
  SELECT
    task_id,
    first(user_pid ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS user_pid,
    to_json(list(
      {'user_id': user_pid::VARCHAR, 'responsibility': responsibility, 'disabled_utc': utc_disabled} ORDER BY utc_created, id
    )) AS users
  FROM source.task_responsible_user
  GROUP BY task_id
),
assigned AS (
  SELECT
    a.task_id,
    first(p.user_id ORDER BY a.utc_disabled IS NOT NULL, a.assignment_type DESC, a.utc_created, a.id)
      FILTER (WHERE p.user_id IS NOT NULL) AS user_id,
    to_json(list({
      'contact_id': a.contact_id,
      'assignment': CASE a.assignment_type WHEN 1 THEN 'direct' WHEN 2 THEN 'delegated' ELSE a.assignment_type::VARCHAR END,
      'disabled_utc': a.utc_disabled
    } ORDER BY a.utc_created, a.id)) AS contacts
  FROM source.task_assigned_contact AS a
  LEFT JOIN person AS p ON p.contact_id = a.contact_id
  GROUP BY a.task_id
)
SELECT
  t.id::VARCHAR AS id,
  'task/' || t.id AS source_key,
  h.matter_id::VARCHAR AS matter_id,
  coalesce(text_or_null(t.title), '(untitled)') AS title,
  t.description,
  coalesce(r.user_pid::VARCHAR, a.user_id) AS assignee_id,
  t.created_by_user_pid::VARCHAR AS assigned_by_id,
  CASE
    WHEN t.actual_end IS NOT NULL THEN 'done'
    WHEN NOT t.active THEN 'cancelled'
    WHEN t.id IN (SELECT task_id FROM source.task_time WHERE utc_disabled IS NULL) THEN 'in_progress'
    ELSE 'not_started'
  END AS status,
  from_utc(t.due_date) AS due_at,
  from_utc(t.actual_end) AS completed_at,
  t.parent_id::VARCHAR AS parent_task_id,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {
    'projected_start_utc': t.projected_start,
    'projected_end_utc': t.projected_end,
    'is_grouping_task': CASE WHEN t.is_grouping_task THEN true END,
    'sequential_predecessor_id': t.sequential_predecessor_id,
    'active': t.active,
    'matters': m.matters,
    'responsible_users': r.users,
    'assigned_contacts': a.contacts,
    'disabled_by_user_pid': t.disabled_by_user_pid
  } AS extras
FROM source.task AS t
LEFT JOIN task_home AS h ON h.task_id = t.id
LEFT JOIN matter AS m ON m.task_id = t.id
LEFT JOIN responsible AS r ON r.task_id = t.id
LEFT JOIN assigned AS a ON a.task_id = t.id
