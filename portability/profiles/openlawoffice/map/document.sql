-- A document hangs on matters or on tasks. Its current version is the highest that is not disabled.
WITH
-- A task's first live matter; a matter whose link is disabled when there is no other.
task_home AS (
  SELECT task_id, first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id
  FROM source.task_matter
  GROUP BY task_id
),
link AS (
  SELECT document_id, matter_id, utc_disabled IS NOT NULL AS gone, utc_created, id FROM source.document_matter
  UNION ALL
  SELECT d.document_id, t.matter_id, d.utc_disabled IS NOT NULL, d.utc_created, d.id
  FROM source.document_task AS d
  JOIN task_home AS t ON t.task_id = d.task_id
),
home AS (
  SELECT
    document_id,
    first(matter_id ORDER BY gone, utc_created, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM link
  GROUP BY document_id
),
task AS (
  SELECT document_id, to_json(list(DISTINCT task_id ORDER BY task_id)) AS tasks FROM source.document_task GROUP BY document_id
),
newest AS (
  SELECT document_id, first(id ORDER BY utc_disabled IS NOT NULL, version_number DESC, utc_created DESC, id) AS version_id
  FROM source.version
  GROUP BY document_id
)
SELECT
  d.id::VARCHAR AS id,
  'document/' || d.id AS source_key,
  h.matter_id::VARCHAR AS matter_id,
  coalesce(text_or_null(d.title), '(untitled)') AS title,
  coalesce(text_or_null(v.filename || '.' || v.extension), text_or_null(d.title), '(unnamed)') AS file_name,
  (from_utc(d.date) AT TIME ZONE 'Europe/London')::DATE AS document_date,
  d.created_by_user_pid::VARCHAR AS author_user_id,
  v.id::VARCHAR AS current_version_id,
  false AS is_locked,
  false AS is_in_bin,
  d.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(d.utc_created) AS created_at,
  d.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(d.utc_modified) AS updated_at,
  d.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(d.utc_disabled) AS deleted_at,
  {'matters': h.matters, 'tasks': t.tasks, 'disabled_by_user_pid': d.disabled_by_user_pid} AS extras
FROM source.document AS d
LEFT JOIN home AS h ON h.document_id = d.id
LEFT JOIN task AS t ON t.document_id = d.id
LEFT JOIN newest AS n ON n.document_id = d.id
LEFT JOIN source.version AS v ON v.id = n.version_id
