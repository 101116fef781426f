-- Nineteen numbers and addresses stand side by side in a contact; each filled one becomes a row.
WITH slots AS (
  SELECT id, utc_disabled, 'email1' AS part, 'email' AS kind, 1 AS slot, email1_display_name AS label, email1_email_address AS value FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'email2', 'email', 2, email2_display_name, email2_email_address FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'email3', 'email', 3, email3_display_name, email3_email_address FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'fax1', 'fax', 1, fax1_display_name, fax1_fax_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'fax2', 'fax', 2, fax2_display_name, fax2_fax_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'fax3', 'fax', 3, fax3_display_name, fax3_fax_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone1', 'phone', 1, telephone1_display_name, telephone1_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone2', 'phone', 2, telephone2_display_name, telephone2_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone3', 'phone', 3, telephone3_display_name, telephone3_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone4', 'phone', 4, telephone4_display_name, telephone4_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone5', 'phone', 5, telephone5_display_name, telephone5_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone6', 'phone', 6, telephone6_display_name, telephone6_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone7', 'phone', 7, telephone7_display_name, telephone7_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone8', 'phone', 8, telephone8_display_name, telephone8_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone9', 'phone', 9, telephone9_display_name, telephone9_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'telephone10', 'phone', 10, telephone10_display_name, telephone10_telephone_number FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'im', 'messaging', 1, NULL, instant_messaging_address FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'web1', 'web', 1, 'personal', personal_home_page FROM source.contact
  UNION ALL
  SELECT id, utc_disabled, 'web2', 'web', 2, 'business', business_home_page FROM source.contact
),
filled AS (
  SELECT
    id, utc_disabled, part, slot, label, value,
    CASE WHEN kind = 'phone' AND regexp_matches(lower(label), 'mobile|cell') THEN 'mobile' ELSE kind END AS kind
  FROM slots
  WHERE value <> ''
)
SELECT
  f.id || '-' || f.part AS id,
  'contact/' || f.id AS source_key,
  f.id::VARCHAR AS contact_id,
  f.kind,
  f.label,
  f.value,
  CASE
    WHEN f.kind = 'email' AND regexp_full_match(f.value, '[^@ ]+@[^@ ]+') THEN lower(f.value)
    WHEN f.kind IN ('phone', 'mobile', 'fax') AND regexp_full_match(f.value, '[+][0-9 ().-]{7,}')
      THEN '+' || regexp_replace(f.value, '[^0-9]', '', 'g')
  END AS normalised_value,
  row_number() OVER (PARTITION BY f.id, f.kind ORDER BY f.slot) = 1 AS is_primary,
  f.utc_disabled IS NOT NULL AS is_deleted,
  from_utc(f.utc_disabled) AS deleted_at
FROM filled AS f
