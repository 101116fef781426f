-- Word forms for a matter type, as files; and task templates, whose dates are written relative to the day of use.
SELECT
  'form-' || f.id AS id,
  'form/' || f.id AS source_key,
  coalesce(text_or_null(f.title), '(untitled)') AS name,
  'form' AS template_kind,
  f.matter_type_id::VARCHAR AS matter_type_id,
  d.sha256 AS file_sha256,
  f.utc_disabled IS NULL AS is_active,
  f.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(f.utc_created) AS created_at,
  f.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(f.utc_modified) AS updated_at,
  f.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(f.utc_disabled) AS deleted_at,
  {
    'path': f.path,
    'availability': coalesce(d.availability, 'missing_in_source'),
    'disabled_by_user_pid': f.disabled_by_user_pid
  } AS extras
FROM source.form AS f
LEFT JOIN documents AS d ON d.source = 'forms' AND d.locator = 'Forms/' || regexp_extract(f.path, '[^/\\]*$')
UNION ALL BY NAME
SELECT
  'task_template-' || t.id AS id,
  'task_template/' || t.id AS source_key,
  coalesce(text_or_null(t.task_template_title), '(untitled)') AS name,
  'workflow' AS template_kind,
  to_json({
    'title': t.title,
    'description': t.description,
    'active': t.active,
    'projected_start': t.projected_start,
    'due_date': t.due_date,
    'actual_end': t.actual_end,
    'projected_end': t.projected_end
  }) AS definition,
  t.utc_disabled IS NULL AS is_active,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {'path': NULL::VARCHAR, 'availability': NULL::VARCHAR, 'disabled_by_user_pid': t.disabled_by_user_pid} AS extras
FROM source.task_template AS t
