-- The newest version lies in Current/, the others in Previous/ (see documents: in profile.yaml). The application numbers a version
-- one above the highest that is not disabled, so that a number can occur again after a version was disabled.
WITH stored AS (
  SELECT
    v.id,
    CASE
      WHEN v.utc_disabled IS NULL
        AND v.version_number = max(v.version_number) FILTER (WHERE v.utc_disabled IS NULL) OVER (PARTITION BY v.document_id) THEN 'Current/'
      ELSE 'Previous/'
    END || v.id || '.' || v.extension AS path
  FROM source.version AS v
)
SELECT
  v.id::VARCHAR AS id,
  'version/' || v.id AS source_key,
  v.document_id::VARCHAR AS document_id,
  v.version_number,
  d.sha256 AS file_sha256,
  coalesce(d.availability, 'missing_in_source') AS availability,
  v.mime AS media_type,
  v.size AS size_bytes,
  'md5:' || lower(v.md5) AS source_checksum,
  s.path AS source_path,
  v.created_by_user_pid::VARCHAR AS created_by_user_id,
  v.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(v.utc_created) AS created_at,
  v.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(v.utc_modified) AS updated_at,
  v.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(v.utc_disabled) AS deleted_at,
  {'file_name': v.filename, 'extension': v.extension, 'disabled_by_user_pid': v.disabled_by_user_pid} AS extras
FROM source.version AS v
JOIN stored AS s ON s.id = v.id
LEFT JOIN documents AS d ON d.source = 'versions' AND d.locator = s.path
