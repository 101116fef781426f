select
  cast(t.FIRM_ID as varchar) as id,
  'FIRM_MAST/' || t.FIRM_ID as source_key,
  t.NAME as name,
  case rtrim(t.LEGAL_FORM)
    when 'LLP' then 'llp' when 'LTD' then 'limited_company' when 'PAR' then 'partnership' when 'SOL' then 'sole_practice'
    else rtrim(t.LEGAL_FORM)
  end as legal_form,
  t.SRA_NO as sra_number,
  'SRA' as regulator,
  t.CO_NO as company_number,
  t.VAT_NO as vat_number,
  case t.VAT_SCHEME when 'S' then 'standard' when 'C' then 'cash_accounting' else t.VAT_SCHEME end as vat_scheme,
  'GBP' as base_currency,
  substr(t.YEAR_END, 1, 2) || '-' || substr(t.YEAR_END, 3, 2) as financial_year_end,
  'Europe/London' as time_zone,
  t.TIME_UNIT as time_unit_minutes
from source.FIRM_MAST as t
