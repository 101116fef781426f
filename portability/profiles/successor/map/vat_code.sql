select
  cast(t.id as varchar) as id,
  'tax_rates/' || t.id as source_key,
  t.treatment_code as code,
  t.label as name,
  case t.treatment_code
    when 'STD' then 'standard' when 'RED' then 'reduced' when 'ZERO' then 'zero' when 'EXM' then 'exempt' when 'OOS' then 'outside_scope'
    when 'RC' then 'reverse_charge'
  end as treatment,
  cast(t.basis_points as decimal(5, 0)) * 0.0001 as rate,
  t.valid_from as effective_from,
  t.valid_to as effective_to
from source.tax_rates as t
