-- A note hangs on matters, on tasks or on events. Newer versions of the application write HTML into the same column.
WITH
-- A task's first live matter; a matter whose link is disabled when there is no other.
task_home AS (
  SELECT task_id, first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id
  FROM source.task_matter
  GROUP BY task_id
),
link AS (
  SELECT note_id, matter_id, 1 AS rank, utc_disabled IS NOT NULL AS gone, id FROM source.note_matter
  UNION ALL
  SELECT n.note_id, t.matter_id, 2, n.utc_disabled IS NOT NULL, n.id
  FROM source.note_task AS n
  JOIN task_home AS t ON t.task_id = n.task_id
  UNION ALL
  SELECT n.note_id, m.matter_id, 3, n.utc_disabled IS NOT NULL OR m.utc_disabled IS NOT NULL, m.id
  FROM source.event_note AS n
  JOIN source.event_matter AS m ON m.event_id = n.event_id
  UNION ALL
  SELECT n.note_id, t.matter_id, 4, n.utc_disabled IS NOT NULL OR e.utc_disabled IS NOT NULL, e.id
  FROM source.event_note AS n
  JOIN source.event_task AS e ON e.event_id = n.event_id
  JOIN task_home AS t ON t.task_id = e.task_id
),
home AS (
  SELECT
    note_id,
    first(matter_id ORDER BY gone, rank, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM link
  GROUP BY note_id
),
task AS (
  SELECT note_id, to_json(list(DISTINCT task_id ORDER BY task_id)) AS tasks FROM source.note_task GROUP BY note_id
),
event AS (
  SELECT note_id, to_json(list(DISTINCT event_id::VARCHAR ORDER BY event_id::VARCHAR)) AS events
  FROM source.event_note
  GROUP BY note_id
),
reader AS (
  SELECT
    note_id,
    to_json(list(
      {'contact_id': contact_id, 'cleared_utc': cleared, 'disabled_utc': utc_disabled} ORDER BY contact_id, id
    )) AS readers
  FROM source.note_notification
  GROUP BY note_id
)
SELECT
  n.id::VARCHAR AS id,
  'note/' || n.id AS source_key,
  h.matter_id::VARCHAR AS matter_id,
  'file_note' AS note_type,
  n.title AS subject,
  coalesce(text_or_null(n.body), text_or_null(n.title), '(empty)') AS body,
  CASE
    WHEN regexp_matches(n.body, '<(p|br|div|span|b|i|u|strong|em|ul|ol|li|a|table|h[1-6])( [^<>]*)?/?>', 'i') THEN 'html'
    ELSE 'plain'
  END AS body_format,
  from_utc(n."timestamp") AS noted_at,
  n.created_by_user_pid::VARCHAR AS author_id,
  false AS is_private,
  n.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(n.utc_created) AS created_at,
  n.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(n.utc_modified) AS updated_at,
  n.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(n.utc_disabled) AS deleted_at,
  {
    'body': CASE WHEN n.body = '' THEN '' END,
    'matters': h.matters,
    'tasks': t.tasks,
    'events': e.events,
    'notified': r.readers,
    'disabled_by_user_pid': n.disabled_by_user_pid
  } AS extras
FROM source.note AS n
LEFT JOIN home AS h ON h.note_id = n.id
LEFT JOIN task AS t ON t.note_id = n.id
LEFT JOIN event AS e ON e.note_id = n.id
LEFT JOIN reader AS r ON r.note_id = n.id
