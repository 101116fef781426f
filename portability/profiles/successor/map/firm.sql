select
  cast(t.id as varchar) as id,
  'legal_entities/' || t.id as source_key,
  t.name as name,
  t.form as legal_form,
  t.regulator_number as sra_number,
  t.regulator as regulator,
  t.company_number as company_number,
  t.vat_number as vat_number,
  t.vat_scheme as vat_scheme,
  t.currency as base_currency,
  lpad(cast(t.year_end_month as varchar), 2, '0') || '-' || lpad(cast(t.year_end_day as varchar), 2, '0') as financial_year_end,
  t.time_zone as time_zone,
  t.unit_minutes as time_unit_minutes
from source.legal_entities as t
