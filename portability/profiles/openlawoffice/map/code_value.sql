-- Tag categories, and the groups of matters that are billed together.
SELECT
  'tag_category-' || c.id AS id,
  'tag_category/' || c.id AS source_key,
  'tag_category' AS list_name,
  c.id::VARCHAR AS code,
  coalesce(text_or_null(c.name), '(empty)') AS label,
  c.utc_disabled IS NULL AS is_active,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {
    'amount': NULL::DECIMAL(19, 2),
    'bill_to_contact_id': NULL::INTEGER,
    'last_run_utc': NULL::TIMESTAMP,
    'next_run_utc': NULL::TIMESTAMP,
    'disabled_by_user_pid': c.disabled_by_user_pid
  } AS extras
FROM source.tag_category AS c
UNION ALL BY NAME
SELECT
  'billing_group-' || g.id AS id,
  'billing_group/' || g.id AS source_key,
  'billing_group' AS list_name,
  g.id::VARCHAR AS code,
  coalesce(text_or_null(g.title), '(empty)') AS label,
  g.utc_disabled IS NULL AS is_active,
  g.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(g.utc_created) AS created_at,
  g.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(g.utc_modified) AS updated_at,
  g.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(g.utc_disabled) AS deleted_at,
  {
    'amount': g.amount,
    'bill_to_contact_id': g.bill_to_contact_id,
    'last_run_utc': g.last_run,
    'next_run_utc': g.next_run,
    'disabled_by_user_pid': g.disabled_by_user_pid
  } AS extras
FROM source.billing_group AS g
