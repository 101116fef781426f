select
  f.id as _id,
  f.name as name,
  f.legal_form as form,
  f.regulator as regulator,
  f.sra_number as regulator_number,
  f.company_number as company_number,
  f.vat_number as vat_number,
  f.vat_scheme as vat_scheme,
  f.base_currency as currency,
  try_cast(split_part(f.financial_year_end, '-', 1) as smallint) as year_end_month,
  try_cast(split_part(f.financial_year_end, '-', 2) as smallint) as year_end_day,
  f.time_zone as time_zone,
  f.time_unit_minutes as unit_minutes
from firm as f
where not f.is_deleted
