select
  cast(t.id as varchar) as id,
  'branches/' || t.id as source_key,
  cast(t.legal_entity_id as varchar) as firm_id,
  t.name as name,
  t.code as code,
  t.regulator_number as sra_office_number,
  t.legal_aid_account as laa_account_number,
  t.address as address_lines,
  t.postcode as postcode,
  t.country_code as country_code,
  t.telephone as phone,
  t.dx as dx_number,
  flag(t.is_open) as is_active
from source.branches as t
