-- An event hangs on matters or on tasks; contacts attend it, users are responsible for it.
WITH
-- A task's first live matter; a matter whose link is disabled when there is no other.
task_home AS (
  SELECT task_id, first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id
  FROM source.task_matter
  GROUP BY task_id
),
link AS (
  SELECT event_id, matter_id, 1 AS rank, utc_disabled IS NOT NULL AS gone, id FROM source.event_matter
  UNION ALL
  SELECT e.event_id, t.matter_id, 2, e.utc_disabled IS NOT NULL, e.id
  FROM source.event_task AS e
  JOIN task_home AS t ON t.task_id = e.task_id
),
home AS (
  SELECT
    event_id,
    first(matter_id ORDER BY gone, rank, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM link
  GROUP BY event_id
),
task AS (
  SELECT event_id, to_json(list(DISTINCT task_id ORDER BY task_id)) AS tasks FROM source.event_task GROUP BY event_id
),
attendee AS (
  SELECT event_id, NULL::VARCHAR AS user_id, contact_id::VARCHAR AS contact_id, role, utc_disabled, id FROM source.event_assigned_contact
  UNION ALL
  SELECT event_id, user_pid::VARCHAR, NULL, responsibility, utc_disabled, id FROM source.event_responsible_user
),
invited AS (
  SELECT
    event_id,
    list(
      {'user_id': user_id, 'contact_id': contact_id, 'role': role, 'disabled_utc': utc_disabled::VARCHAR}
      ORDER BY user_id, contact_id, id
    ) AS attendees,
    first(user_id ORDER BY utc_disabled IS NOT NULL, user_id, id) FILTER (WHERE user_id IS NOT NULL) AS organiser_id
  FROM attendee
  GROUP BY event_id
)
SELECT
  e.id::VARCHAR AS id,
  'event/' || e.id AS source_key,
  h.matter_id::VARCHAR AS matter_id,
  coalesce(text_or_null(e.title), '(untitled)') AS summary,
  e.description,
  from_utc(e.start) AS starts_at,
  from_utc(e."end") AS ends_at,
  e.allday AS all_day,
  CASE WHEN e.allday THEN (from_utc(e.start) AT TIME ZONE 'Europe/London')::DATE END AS start_date,
  -- The end of a whole day is the midnight after it.
  CASE
    WHEN e.allday THEN greatest(
      (from_utc(e.start) AT TIME ZONE 'Europe/London')::DATE,
      (from_utc(e."end" - INTERVAL 1 MICROSECOND) AT TIME ZONE 'Europe/London')::DATE
    )
  END AS end_date,
  e.location,
  i.attendees,
  coalesce(i.organiser_id, e.created_by_user_pid::VARCHAR) AS organiser_id,
  'confirmed' AS status,
  e.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(e.utc_created) AS created_at,
  e.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(e.utc_modified) AS updated_at,
  e.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(e.utc_disabled) AS deleted_at,
  {'matters': h.matters, 'tasks': t.tasks, 'disabled_by_user_pid': e.disabled_by_user_pid} AS extras
FROM source.event AS e
LEFT JOIN home AS h ON h.event_id = e.id
LEFT JOIN task AS t ON t.event_id = e.id
LEFT JOIN invited AS i ON i.event_id = e.id
