-- Nothing keeps a field from being there twice on a matter: the records are numbered.
SELECT
  v.id::VARCHAR AS id,
  'form_field_matter/' || v.id AS source_key,
  v.form_field_id::VARCHAR AS definition_id,
  'matter' AS entity,
  v.matter_id::VARCHAR AS entity_id,
  row_number() OVER (
    PARTITION BY v.matter_id, v.form_field_id ORDER BY v.utc_disabled IS NOT NULL, v.utc_created, v.id
  ) - 1 AS record_number,
  v.value AS value_string,
  v.value AS value_raw,
  v.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(v.utc_created) AS created_at,
  v.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(v.utc_modified) AS updated_at,
  v.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(v.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': v.disabled_by_user_pid} AS extras
FROM source.form_field_matter AS v
