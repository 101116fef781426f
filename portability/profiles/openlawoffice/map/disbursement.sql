-- Expenses carry no tax; the vendor is a name, not a contact.
WITH expense_home AS (
  SELECT
    expense_id,
    first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM source.expense_matter
  GROUP BY expense_id
),
billed_expense AS (
  SELECT expense_id, line_id, invoice_id, matter_id
  FROM (
    SELECT
      l.expense_id, l.id AS line_id, l.invoice_id, i.matter_id,
      row_number() OVER (PARTITION BY l.expense_id ORDER BY l.utc_created, l.id) AS turn
    FROM source.invoice_expense AS l
    JOIN source.invoice AS i ON i.id = l.invoice_id
    WHERE l.utc_disabled IS NULL AND i.utc_disabled IS NULL
  ) AS lines
  WHERE turn = 1
)
SELECT
  e.id::VARCHAR AS id,
  'expense/' || e.id AS source_key,
  coalesce(b.matter_id, h.matter_id)::VARCHAR AS matter_id,
  coalesce(text_or_null(e.details), text_or_null(e.vendor), 'Expense') AS description,
  (from_utc(e.incurred) AT TIME ZONE 'Europe/London')::DATE AS incurred_on,
  e.amount AS net_amount,
  0 AS vat_amount,
  e.amount AS gross_amount,
  'GBP' AS currency,
  b.line_id IS NOT NULL AND e.paid IS NULL AS is_anticipated,
  (from_utc(e.paid) AT TIME ZONE 'Europe/London')::DATE AS paid_on,
  CASE WHEN b.line_id IS NULL THEN 'unbilled' ELSE 'billed' END AS status,
  'expense-' || b.line_id AS bill_line_id,
  e.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(e.utc_created) AS created_at,
  e.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(e.utc_modified) AS updated_at,
  e.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(e.utc_disabled) AS deleted_at,
  {'vendor': e.vendor, 'matters': h.matters, 'disabled_by_user_pid': e.disabled_by_user_pid} AS extras
FROM source.expense AS e
LEFT JOIN expense_home AS h ON h.expense_id = e.id
LEFT JOIN billed_expense AS b ON b.expense_id = e.id
