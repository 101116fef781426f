-- Rows that only tie others together have no row of their own: which row tells of them. And the contact behind an account.
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
link AS (
  SELECT 'user' AS entity, user_pid::VARCHAR AS entity_id, 'contact/' || contact_id AS source_key, 'merged' AS link_role
  FROM account
  UNION ALL SELECT 'time_entry', 'time-' || l.time_id, 'task_time/' || l.id, 'contributing' FROM source.task_time AS l
  UNION ALL SELECT 'time_entry', 'fee-' || l.fee_id, 'fee_matter/' || l.id, 'contributing' FROM source.fee_matter AS l
  UNION ALL SELECT 'disbursement', l.expense_id::VARCHAR, 'expense_matter/' || l.id, 'contributing' FROM source.expense_matter AS l
  UNION ALL SELECT 'document', l.document_id::VARCHAR, 'document_matter/' || l.id, 'contributing' FROM source.document_matter AS l
  UNION ALL SELECT 'document', l.document_id::VARCHAR, 'document_task/' || l.id, 'contributing' FROM source.document_task AS l
  UNION ALL SELECT 'note', l.note_id::VARCHAR, 'note_matter/' || l.id, 'contributing' FROM source.note_matter AS l
  UNION ALL SELECT 'note', l.note_id::VARCHAR, 'note_task/' || l.id, 'contributing' FROM source.note_task AS l
  UNION ALL SELECT 'note', l.note_id::VARCHAR, 'event_note/' || l.id, 'contributing' FROM source.event_note AS l
  UNION ALL SELECT 'note', l.note_id::VARCHAR, 'note_notification/' || l.id, 'contributing' FROM source.note_notification AS l
  UNION ALL SELECT 'task', l.task_id::VARCHAR, 'task_matter/' || l.id, 'contributing' FROM source.task_matter AS l
  UNION ALL SELECT 'task', l.task_id::VARCHAR, 'task_responsible_user/' || l.id, 'contributing' FROM source.task_responsible_user AS l
  UNION ALL SELECT 'task', l.task_id::VARCHAR, 'task_assigned_contact/' || l.id, 'contributing' FROM source.task_assigned_contact AS l
  UNION ALL SELECT 'calendar_event', l.event_id::VARCHAR, 'event_matter/' || l.id, 'contributing' FROM source.event_matter AS l
  UNION ALL SELECT 'calendar_event', l.event_id::VARCHAR, 'event_task/' || l.id, 'contributing' FROM source.event_task AS l
  UNION ALL SELECT 'calendar_event', l.event_id::VARCHAR, 'event_assigned_contact/' || l.id, 'contributing' FROM source.event_assigned_contact AS l
  UNION ALL SELECT 'calendar_event', l.event_id::VARCHAR, 'event_responsible_user/' || l.id, 'contributing' FROM source.event_responsible_user AS l
)
SELECT entity || '/' || entity_id || '/' || source_key AS id, entity, entity_id, source_key, link_role
FROM link
