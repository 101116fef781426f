-- The database does not name the firm (Web.config does: billingFirmName). The company that all employees share is its name.
SELECT
  'firm' AS id,
  '$profile/firm' AS source_key,
  CASE WHEN count(DISTINCT text_or_null(c.company_name)) = 1 THEN max(c.company_name) ELSE 'Firm (not named in the database)' END AS name,
  'GBP' AS base_currency,
  'Europe/London' AS time_zone,
  {'name_from': CASE WHEN count(DISTINCT text_or_null(c.company_name)) = 1 THEN 'company_name of all employees' END} AS extras
FROM source.contact AS c
WHERE c.is_our_employee AND NOT c.is_organization
