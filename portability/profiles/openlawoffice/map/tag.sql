-- Labels on matters, tasks and events, some of a category.
SELECT
  'matter_tag-' || t.id AS id,
  'matter_tag/' || t.id AS source_key,
  'matter' AS entity,
  t.matter_id::VARCHAR AS entity_id,
  coalesce(text_or_null(t.tag), '(empty)') AS label,
  c.name AS category,
  from_utc(t.utc_created) AS tagged_at,
  t.created_by_user_pid::VARCHAR AS tagged_by_id,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': t.disabled_by_user_pid} AS extras
FROM source.matter_tag AS t
LEFT JOIN source.tag_category AS c ON c.id = t.tag_category_id
UNION ALL BY NAME
SELECT
  'task_tag-' || t.id AS id,
  'task_tag/' || t.id AS source_key,
  'task' AS entity,
  t.task_id::VARCHAR AS entity_id,
  coalesce(text_or_null(t.tag), '(empty)') AS label,
  c.name AS category,
  from_utc(t.utc_created) AS tagged_at,
  t.created_by_user_pid::VARCHAR AS tagged_by_id,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': t.disabled_by_user_pid} AS extras
FROM source.task_tag AS t
LEFT JOIN source.tag_category AS c ON c.id = t.tag_category_id
UNION ALL BY NAME
SELECT
  'event_tag-' || t.id AS id,
  'event_tag/' || t.id AS source_key,
  'calendar_event' AS entity,
  t.event_id::VARCHAR AS entity_id,
  coalesce(text_or_null(t.tag), '(empty)') AS label,
  c.name AS category,
  from_utc(t.utc_created) AS tagged_at,
  t.created_by_user_pid::VARCHAR AS tagged_by_id,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': t.disabled_by_user_pid} AS extras
FROM source.event_tag AS t
LEFT JOIN source.tag_category AS c ON c.id = t.tag_category_id
