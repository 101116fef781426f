SELECT
  r.id::VARCHAR AS id,
  'billing_rate/' || r.id AS source_key,
  r.id::VARCHAR AS card_code,
  r.title AS name,
  r.price_per_unit AS rate,
  'hour' AS unit,
  'GBP' AS currency,
  r.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(r.utc_created) AS created_at,
  r.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(r.utc_modified) AS updated_at,
  r.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(r.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': r.disabled_by_user_pid} AS extras
FROM source.billing_rate AS r
