select
  o.id as _id,
  o.firm_id as legal_entity_id,
  o.code as code,
  o.name as name,
  o.address_lines as address,
  o.postcode as postcode,
  o.country_code as country_code,
  o.phone as telephone,
  o.dx_number as dx,
  o.laa_account_number as legal_aid_account,
  o.sra_office_number as regulator_number,
  o.is_active as is_open
from office as o
where not o.is_deleted
