-- Three addresses stand side by side in a contact; each filled one becomes a row.
WITH slots AS (
  SELECT
    id, 1 AS slot,
    address1_display_name AS label,
    address1_address_street AS street,
    address1_address_city AS city,
    address1_address_state_or_province AS state,
    address1_address_postal_code AS postcode,
    address1_address_country AS country,
    address1_address_country_code AS country_code,
    address1_address_post_office_box AS po_box,
    utc_disabled
  FROM source.contact
  UNION ALL
  SELECT
    id, 2 AS slot,
    address2_display_name AS label,
    address2_address_street AS street,
    address2_address_city AS city,
    address2_address_state_or_province AS state,
    address2_address_postal_code AS postcode,
    address2_address_country AS country,
    address2_address_country_code AS country_code,
    address2_address_post_office_box AS po_box,
    utc_disabled
  FROM source.contact
  UNION ALL
  SELECT
    id, 3 AS slot,
    address3_display_name AS label,
    address3_address_street AS street,
    address3_address_city AS city,
    address3_address_state_or_province AS state,
    address3_address_postal_code AS postcode,
    address3_address_country AS country,
    address3_address_country_code AS country_code,
    address3_address_post_office_box AS po_box,
    utc_disabled
  FROM source.contact
),
filled AS (
  SELECT *, string_split(replace(coalesce(text_or_null(street), 'P.O. Box ' || po_box), chr(13), ''), chr(10)) AS lines
  FROM slots
  WHERE concat(street, city, state, postcode, country, country_code, po_box) <> ''
)
SELECT
  f.id || '-address' || f.slot AS id,
  'contact/' || f.id AS source_key,
  f.id::VARCHAR AS contact_id,
  CASE
    WHEN lower(f.label) LIKE '%registered%' THEN 'registered_office'
    WHEN lower(f.label) LIKE '%home%' THEN 'home'
    WHEN lower(f.label) LIKE '%bill%' THEN 'billing'
    ELSE 'other'
  END AS address_type,
  f.lines[1] AS line1,
  f.lines[2] AS line2,
  array_to_string(f.lines[3:], ', ') AS line3,
  f.city AS town,
  f.state AS county,
  f.postcode,
  CASE WHEN regexp_full_match(f.country_code, '[A-Z]{2}') THEN f.country_code END AS country_code,
  row_number() OVER (PARTITION BY f.id ORDER BY f.slot) = 1 AS is_primary,
  f.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(f.utc_disabled) AS deleted_at,
  {
    'label': f.label,
    'country': f.country,
    'country_code': CASE WHEN NOT regexp_full_match(f.country_code, '[A-Z]{2}') THEN f.country_code END,
    'post_office_box': f.po_box
  } AS extras
FROM filled AS f
