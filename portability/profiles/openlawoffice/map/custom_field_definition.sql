-- Merge fields of the forms; every value is text.
SELECT
  f.id::VARCHAR AS id,
  'form_field/' || f.id AS source_key,
  'matter' AS applies_to,
  f.id::VARCHAR AS code,
  coalesce(text_or_null(f.title), '(untitled)') AS label,
  'text' AS data_type,
  false AS is_repeating,
  'privileged' AS pd_class,
  f.utc_disabled IS NULL AS is_active,
  f.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(f.utc_created) AS created_at,
  f.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(f.utc_modified) AS updated_at,
  f.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(f.utc_disabled) AS deleted_at,
  {'description': f.description, 'disabled_by_user_pid': f.disabled_by_user_pid} AS extras
FROM source.form_field AS f
