SELECT
  t.id::VARCHAR AS id,
  'matter_type/' || t.id AS source_key,
  t.id::VARCHAR AS code,
  t.title AS name,
  t.utc_disabled IS NULL AS is_active,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': t.disabled_by_user_pid} AS extras
FROM source.matter_type AS t
