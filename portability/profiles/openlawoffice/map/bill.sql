-- The figures are the invoice's own: costs are what its subtotal holds besides expenses. Whether it was paid is not recorded.
WITH
-- The client of a matter is a contact by role; the first live "Client", then "Appointed Client", then a disabled one.
client_role AS (
  SELECT
    matter_id, contact_id, id,
    utc_disabled IS NOT NULL AS gone,
    CASE lower(trim(role)) WHEN 'client' THEN 1 ELSE 2 END AS preference
  FROM source.matter_contact
  WHERE lower(trim(role)) IN ('client', 'appointed client')
),
matter_client AS (
  SELECT matter_id, first(contact_id ORDER BY gone, preference, id) AS contact_id
  FROM client_role
  GROUP BY matter_id
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
)
SELECT
  i.id::VARCHAR AS id,
  'invoice/' || i.id AS source_key,
  coalesce(text_or_null(i.external_invoice_id), i.id::VARCHAR) AS bill_number,
  CASE
    WHEN i.total < 0 THEN 'credit_note'
    WHEN i.subtotal = s.expenses AND s.expenses <> 0 THEN 'disbursements_only'
    ELSE 'interim'
  END AS bill_type,
  CASE WHEN i.utc_disabled IS NULL THEN 'issued' ELSE 'void' END AS status,
  CASE
    WHEN i.matter_id IS NULL THEN i.bill_to_contact_id::VARCHAR
    ELSE coalesce(c.contact_id::VARCHAR, 'matter-' || i.matter_id)
  END AS client_id,
  i.matter_id::VARCHAR AS matter_id,
  i.bill_to_contact_id::VARCHAR AS bill_to_contact_id,
  (from_utc(i.date) AT TIME ZONE 'Europe/London')::DATE AS bill_date,
  (from_utc(i.due) AT TIME ZONE 'Europe/London')::DATE AS due_on,
  'GBP' AS currency,
  (i.subtotal - s.expenses)::DECIMAL(19, 2) AS costs_net,
  s.expenses AS disbursements_net,
  0 AS discount_net,
  i.subtotal AS net_total,
  i.tax_amount AS vat_total,
  i.total AS gross_total,
  (i.total - i.subtotal - i.tax_amount)::DECIMAL(19, 2) AS rounding_adjustment,
  i.created_by_user_pid::VARCHAR AS created_by_id,
  from_utc(i.utc_created) AS created_at,
  i.modified_by_user_pid::VARCHAR AS updated_by_id,
  from_utc(i.utc_modified) AS updated_at,
  i.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(i.utc_disabled) AS deleted_at,
  {
    'invoice_number': CASE WHEN text_or_null(i.external_invoice_id) IS NOT NULL THEN i.id END,
    'billing_group_id': i.billing_group_id,
    'bill_to_name_line_1': i.bill_to_name_line_1,
    'bill_to_name_line_2': i.bill_to_name_line_2,
    'bill_to_address_line_1': i.bill_to_address_line_1,
    'bill_to_address_line_2': i.bill_to_address_line_2,
    'bill_to_city': i.bill_to_city,
    'bill_to_state': i.bill_to_state,
    'bill_to_zip': i.bill_to_zip,
    'disabled_by_user_pid': i.disabled_by_user_pid
  } AS extras
FROM source.invoice AS i
JOIN line_sum AS s ON s.invoice_id = i.id
LEFT JOIN matter_client AS c ON c.matter_id = i.matter_id
