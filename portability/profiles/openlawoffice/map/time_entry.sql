-- Time and fixed fees. Billed work has the invoice's duration and price; unbilled work the price that an invoice would
-- take: the matter's, or the worker's own where the matter says so. A timer without a stop counts nothing, as on an invoice.
-- A fee names nobody: it goes to the matter's lead attorney, else to whoever entered it. Durations have four decimals of a minute.
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
-- The first live line of a live invoice.
billed_time AS (
  SELECT time_id, line_id, invoice_id, matter_id, price_per_hour
  FROM (
    SELECT
      l.time_id, l.id AS line_id, l.invoice_id, i.matter_id, l.price_per_hour,
      row_number() OVER (PARTITION BY l.time_id ORDER BY l.utc_created, l.id) AS turn
    FROM source.invoice_time AS l
    JOIN source.invoice AS i ON i.id = l.invoice_id
    WHERE l.utc_disabled IS NULL AND i.utc_disabled IS NULL
  ) AS lines
  WHERE turn = 1
),
billed_fee AS (
  SELECT fee_id, line_id, invoice_id, matter_id
  FROM (
    SELECT
      l.fee_id, l.id AS line_id, l.invoice_id, i.matter_id,
      row_number() OVER (PARTITION BY l.fee_id ORDER BY l.utc_created, l.id) AS turn
    FROM source.invoice_fee AS l
    JOIN source.invoice AS i ON i.id = l.invoice_id
    WHERE l.utc_disabled IS NULL AND i.utc_disabled IS NULL
  ) AS lines
  WHERE turn = 1
),
work AS (
  SELECT
    t.id, b.line_id, h.matters, h.tasks,
    coalesce(b.matter_id, h.matter_id) AS matter_id,
    coalesce(epoch_us(t.stop) - epoch_us(t.start), 0) AS us,
    CASE
      WHEN NOT t.billable THEN 0
      WHEN b.line_id IS NOT NULL THEN d.us
      ELSE coalesce(epoch_us(t.stop) - epoch_us(t.start), 0)
    END AS chargeable_us,
    b.price_per_hour
  FROM source."time" AS t
  LEFT JOIN time_home AS h ON h.time_id = t.id
  LEFT JOIN billed_time AS b ON b.time_id = t.id
  LEFT JOIN line_duration AS d ON d.id = b.line_id
),
priced AS (
  SELECT
    w.id, w.line_id, w.matter_id, w.matters, w.tasks, w.us, w.chargeable_us,
    CASE
      WHEN w.line_id IS NOT NULL THEN w.price_per_hour
      WHEN m.override_matter_rate_with_employee_rate THEN coalesce(o.price_per_unit, r.price_per_unit)
      ELSE r.price_per_unit
    END AS rate
  FROM work AS w
  JOIN source."time" AS t ON t.id = w.id
  JOIN source.contact AS c ON c.id = t.worker_contact_id
  LEFT JOIN source.matter AS m ON m.id = w.matter_id
  LEFT JOIN source.billing_rate AS r ON r.id = m.default_billing_rate_id
  LEFT JOIN source.billing_rate AS o ON o.id = c.billing_rate_id
),
-- Microseconds times pence an hour: rounded to pennies below, halves away from zero.
earned AS (
  SELECT
    id, line_id, matter_id, matters, tasks, us, chargeable_us, rate,
    coalesce(chargeable_us::HUGEINT * (rate * 100)::HUGEINT, 0) AS us_pence
  FROM priced
)
SELECT
  'time-' || t.id AS id,
  'time/' || t.id AS source_key,
  w.matter_id::VARCHAR AS matter_id,
  p.user_id AS fee_earner_id,
  (from_utc(t.start) AT TIME ZONE 'Europe/London')::DATE AS work_date,
  from_utc(t.start) AS started_at,
  from_utc(t.stop) AS ended_at,
  ((w.us + sign(w.us) * 3000) // 6000)::DECIMAL(15, 0) * 0.0001::DECIMAL(4, 4) AS duration_minutes,
  ((w.chargeable_us + sign(w.chargeable_us) * 3000) // 6000)::DECIMAL(15, 0) * 0.0001::DECIMAL(4, 4) AS chargeable_minutes,
  w.rate,
  ((w.us_pence + sign(w.us_pence) * 1800000000) // 3600000000)::DECIMAL(17, 0) * 0.01::DECIMAL(2, 2) AS value,
  'GBP' AS currency,
  t.details AS narrative,
  CASE
    WHEN w.line_id IS NOT NULL THEN 'billed'
    WHEN NOT t.billable THEN 'non_chargeable'
    WHEN t.stop IS NULL THEN 'draft'
    ELSE 'wip'
  END AS status,
  'time-' || w.line_id AS bill_line_id,
  t.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(t.utc_created) AS created_at,
  t.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(t.utc_modified) AS updated_at,
  t.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(t.utc_disabled) AS deleted_at,
  {
    'worker_contact_id': t.worker_contact_id,
    'matters': w.matters,
    'tasks': w.tasks,
    'fee_earner_from': NULL::VARCHAR,
    'disabled_by_user_pid': t.disabled_by_user_pid
  } AS extras
FROM source."time" AS t
JOIN earned AS w ON w.id = t.id
JOIN person AS p ON p.contact_id = t.worker_contact_id
UNION ALL BY NAME
SELECT
  'fee-' || f.id AS id,
  'fee/' || f.id AS source_key,
  coalesce(b.matter_id, h.matter_id)::VARCHAR AS matter_id,
  coalesce(p.user_id, f.created_by_user_pid::VARCHAR) AS fee_earner_id,
  (from_utc(f.incurred) AT TIME ZONE 'Europe/London')::DATE AS work_date,
  0 AS duration_minutes,
  0 AS chargeable_minutes,
  f.amount AS value,
  'GBP' AS currency,
  f.details AS narrative,
  CASE WHEN b.line_id IS NULL THEN 'wip' ELSE 'billed' END AS status,
  'fee-' || b.line_id AS bill_line_id,
  f.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(f.utc_created) AS created_at,
  f.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(f.utc_modified) AS updated_at,
  f.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(f.utc_disabled) AS deleted_at,
  {
    'worker_contact_id': NULL::INTEGER,
    'matters': h.matters,
    'tasks': NULL::JSON,
    'fee_earner_from': CASE WHEN p.user_id IS NULL THEN 'created_by_user_pid' ELSE 'matter.lead_attorney_contact_id' END,
    'disabled_by_user_pid': f.disabled_by_user_pid
  } AS extras
FROM source.fee AS f
LEFT JOIN fee_home AS h ON h.fee_id = f.id
LEFT JOIN billed_fee AS b ON b.fee_id = f.id
LEFT JOIN source.matter AS m ON m.id = coalesce(b.matter_id, h.matter_id)
LEFT JOIN person AS p ON p.contact_id = m.lead_attorney_contact_id
