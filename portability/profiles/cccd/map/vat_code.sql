select
  cast(v.id as varchar) as id,
  'vat_rates/' || v.id as source_key,
  'S' as code,
  'VAT at ' || v.rate_base_points || ' base points' as name,
  'standard' as treatment,
  v.rate_base_points * cast(0.0001 as decimal(5, 4)) as rate,
  v.effective_date as effective_from,
  lead(v.effective_date) over (order by v.effective_date, v.id) - 1 as effective_to,
  from_utc(v.created_at) as created_at,
  from_utc(v.updated_at) as updated_at
from source.vat_rates as v
