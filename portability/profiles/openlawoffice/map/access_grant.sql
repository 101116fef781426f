-- Who holds which role.
SELECT
  r."ApplicationName" || '/' || r."Rolename" || '/' || r."Username" AS id,
  'UsersInRoles/' || r."Username" || '/' || r."Rolename" || '/' || r."ApplicationName" AS source_key,
  'role_membership' AS grant_type,
  u."pId"::VARCHAR AS user_id,
  r."ApplicationName" || '/' || r."Rolename" AS role_id
FROM source."UsersInRoles" AS r
LEFT JOIN source."Users" AS u ON u."Username" = r."Username" AND u."ApplicationName" = r."ApplicationName"
