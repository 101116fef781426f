-- Named rights of the web application; what each allows is in its code, not in the database.
SELECT
  r."ApplicationName" || '/' || r."Rolename" AS id,
  'Roles/' || r."Rolename" || '/' || r."ApplicationName" AS source_key,
  r."Rolename" AS name,
  'role' AS kind,
  true AS is_active
FROM source."Roles" AS r
