-- Lines for time, fees and expenses; and two that an invoice holds without a row of its own: the fixed amount of its billing
-- group (what the subtotal has besides the lines), and tax that was typed in for the whole invoice.
WITH
-- An account and its person: the one employee who has the account's e-mail address.
account AS (
  SELECT u."pId" AS user_pid, min(e.contact_id) AS contact_id
  FROM source."Users" AS u
  JOIN (
    SELECT id AS contact_id, unnest([email1_email_address, email2_email_address, email3_email_address]) AS address
    FROM source.contact
    WHERE is_our_employee
  ) AS e ON lower(e.address) = lower(u."Email")
  GROUP BY u."pId"
  HAVING count(DISTINCT e.contact_id) = 1
),
-- Every contact who is an employee, records time or leads a matter is a user; without an account, one of his own.
person AS (
  SELECT s.contact_id, coalesce(min(a.user_pid::VARCHAR), 'contact-' || s.contact_id) AS user_id
  FROM (
    SELECT id AS contact_id FROM source.contact WHERE is_our_employee
    UNION SELECT worker_contact_id FROM source."time"
    UNION SELECT lead_attorney_contact_id FROM source.matter WHERE lead_attorney_contact_id IS NOT NULL
  ) AS s
  LEFT JOIN account AS a ON a.contact_id = s.contact_id
  GROUP BY s.contact_id
),
-- Time reaches its matters by way of its tasks; there may be several.
time_home AS (
  SELECT
    l.time_id,
    first(m.matter_id ORDER BY l.utc_disabled IS NOT NULL OR m.utc_disabled IS NOT NULL, m.utc_created, m.id) AS matter_id,
    CASE
      WHEN count(DISTINCT m.matter_id) > 1 THEN to_json(list(DISTINCT m.matter_id::VARCHAR ORDER BY m.matter_id::VARCHAR))
    END AS matters,
    CASE WHEN count(DISTINCT l.task_id) > 1 THEN to_json(list(DISTINCT l.task_id ORDER BY l.task_id)) END AS tasks
  FROM source.task_time AS l
  JOIN source.task_matter AS m ON m.task_id = l.task_id
  GROUP BY l.time_id
),
fee_home AS (
  SELECT
    fee_id,
    first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM source.fee_matter
  GROUP BY fee_id
),
expense_home AS (
  SELECT
    expense_id,
    first(matter_id ORDER BY utc_disabled IS NOT NULL, utc_created, id) AS matter_id,
    CASE
      WHEN count(DISTINCT matter_id) > 1 THEN to_json(list(DISTINCT matter_id::VARCHAR ORDER BY matter_id::VARCHAR))
    END AS matters
  FROM source.expense_matter
  GROUP BY expense_id
),
-- The duration of a line comes as text, e.g. P1DT2H or PT20M34.5S; the application writes days and less.
line_duration AS (
  SELECT
    id,
    coalesce(try_cast(regexp_extract(duration, '(-?[0-9]+)D', 1) AS BIGINT), 0) * 86400000000
      + coalesce(try_cast(regexp_extract(duration, '(-?[0-9]+)H', 1) AS BIGINT), 0) * 3600000000
      + coalesce(try_cast(regexp_extract(duration, 'T(.*H)?(-?[0-9]+)M', 2) AS BIGINT), 0) * 60000000
      + (coalesce(try_cast(regexp_extract(duration, '(-?[0-9.]+)S', 1) AS DECIMAL(15, 6)), 0) * 1000000)::BIGINT AS us
  FROM source.invoice_time
),
-- A line of time is worth its microseconds times pence an hour, rounded to pennies as printed, halves away from zero.
time_line AS (
  SELECT
    id, us, ((us_pence + sign(us_pence) * 1800000000) // 3600000000)::DECIMAL(17, 0) * 0.01::DECIMAL(2, 2) AS net
  FROM (
    SELECT l.id, d.us, d.us::HUGEINT * (l.price_per_hour * 100)::HUGEINT AS us_pence
    FROM source.invoice_time AS l
    JOIN line_duration AS d ON d.id = l.id
  ) AS products
),
line AS (
  SELECT l.invoice_id, 'time' AS kind, t.net, 0.00::DECIMAL(19, 2) AS tax, l.utc_disabled
  FROM source.invoice_time AS l
  JOIN time_line AS t ON t.id = l.id
  UNION ALL SELECT invoice_id, 'fee', amount, tax_amount, utc_disabled FROM source.invoice_fee
  UNION ALL SELECT invoice_id, 'expense', amount, 0.00, utc_disabled FROM source.invoice_expense
),
-- The lines that count: live ones, and all lines of a disabled invoice.
line_sum AS (
  SELECT
    i.id AS invoice_id,
    coalesce(sum(l.net), 0)::DECIMAL(19, 2) AS net,
    coalesce(sum(l.net) FILTER (WHERE l.kind = 'expense'), 0)::DECIMAL(19, 2) AS expenses,
    coalesce(sum(l.tax), 0)::DECIMAL(19, 2) AS tax,
    count(*) FILTER (WHERE l.kind = 'time') AS time_lines
  FROM source.invoice AS i
  LEFT JOIN line AS l ON l.invoice_id = i.id AND (l.utc_disabled IS NULL OR i.utc_disabled IS NOT NULL)
  GROUP BY i.id
),
charge AS (
  SELECT
    'time-' || l.id AS id, 'invoice_time/' || l.id AS source_key, 1 AS rank, l.invoice_id, h.matter_id, 'costs' AS line_type, l.details,
    (from_utc(t.start) AT TIME ZONE 'Europe/London')::DATE AS line_date, p.user_id AS fee_earner_id,
    ((n.us + sign(n.us) * 180000) // 360000)::DECIMAL(15, 0) * 0.0001::DECIMAL(4, 4) AS quantity,
    l.price_per_hour AS unit_price, n.net, 0.00::DECIMAL(19, 2) AS tax,
    l.created_by_user_pid, l.utc_created, l.modified_by_user_pid, l.utc_modified, l.utc_disabled, l.disabled_by_user_pid
  FROM source.invoice_time AS l
  JOIN time_line AS n ON n.id = l.id
  JOIN source."time" AS t ON t.id = l.time_id
  LEFT JOIN time_home AS h ON h.time_id = l.time_id
  LEFT JOIN person AS p ON p.contact_id = t.worker_contact_id
  UNION ALL
  SELECT
    'fee-' || l.id, 'invoice_fee/' || l.id, 2, l.invoice_id, h.matter_id, 'costs', l.details,
    (from_utc(f.incurred) AT TIME ZONE 'Europe/London')::DATE, NULL, NULL, NULL, l.amount, l.tax_amount,
    l.created_by_user_pid, l.utc_created, l.modified_by_user_pid, l.utc_modified, l.utc_disabled, l.disabled_by_user_pid
  FROM source.invoice_fee AS l
  JOIN source.fee AS f ON f.id = l.fee_id
  LEFT JOIN fee_home AS h ON h.fee_id = l.fee_id
  UNION ALL
  SELECT
    'expense-' || l.id, 'invoice_expense/' || l.id, 3, l.invoice_id, h.matter_id, 'disbursement', l.details,
    (from_utc(e.incurred) AT TIME ZONE 'Europe/London')::DATE, NULL, NULL, NULL, l.amount, 0.00,
    l.created_by_user_pid, l.utc_created, l.modified_by_user_pid, l.utc_modified, l.utc_disabled, l.disabled_by_user_pid
  FROM source.invoice_expense AS l
  JOIN source.expense AS e ON e.id = l.expense_id
  LEFT JOIN expense_home AS h ON h.expense_id = l.expense_id
  UNION ALL
  SELECT
    'group-' || r.id, 'invoice/' || r.id, 4, r.id, NULL, 'costs', 'Fixed amount: ' || r.title,
    (from_utc(r.date) AT TIME ZONE 'Europe/London')::DATE, NULL, NULL, NULL, r.amount, 0.00,
    r.created_by_user_pid, r.utc_created, r.modified_by_user_pid, r.utc_modified, r.utc_disabled, r.disabled_by_user_pid
  FROM (
    SELECT
      i.id, g.title, i.date,
      i.created_by_user_pid, i.utc_created, i.modified_by_user_pid, i.utc_modified, i.utc_disabled, i.disabled_by_user_pid,
      -- The group's amount today is the amount then, when it explains the subtotal to the lines' rounding.
      CASE
        WHEN abs(i.subtotal - s.net - g.amount) <= 0.01 * s.time_lines THEN g.amount
        ELSE (i.subtotal - s.net)::DECIMAL(19, 2)
      END AS amount
    FROM source.invoice AS i
    JOIN source.billing_group AS g ON g.id = i.billing_group_id
    JOIN line_sum AS s ON s.invoice_id = i.id
  ) AS r
  WHERE r.amount <> 0
  UNION ALL
  SELECT
    'tax-' || i.id, 'invoice/' || i.id, 5, i.id, NULL, 'adjustment', 'Tax on the invoice as a whole',
    (from_utc(i.date) AT TIME ZONE 'Europe/London')::DATE, NULL, NULL, NULL, 0.00, (i.tax_amount - s.tax)::DECIMAL(19, 2),
    i.created_by_user_pid, i.utc_created, i.modified_by_user_pid, i.utc_modified, i.utc_disabled, i.disabled_by_user_pid
  FROM source.invoice AS i
  JOIN line_sum AS s ON s.invoice_id = i.id
  WHERE i.tax_amount <> s.tax
)
SELECT
  c.id,
  c.source_key,
  c.invoice_id::VARCHAR AS bill_id,
  row_number() OVER (PARTITION BY c.invoice_id ORDER BY c.rank, c.line_date, c.id) AS line_number,
  coalesce(i.matter_id, c.matter_id)::VARCHAR AS matter_id,
  c.line_type,
  c.details AS description,
  c.line_date,
  c.fee_earner_id,
  c.quantity,
  c.unit_price,
  c.net AS net_amount,
  c.tax AS vat_amount,
  (c.net + c.tax)::DECIMAL(19, 2) AS gross_amount,
  c.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(c.utc_created) AS created_at,
  c.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(c.utc_modified) AS updated_at,
  c.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(c.utc_disabled) AS deleted_at,
  {'disabled_by_user_pid': c.disabled_by_user_pid} AS extras
FROM charge AS c
JOIN source.invoice AS i ON i.id = c.invoice_id
