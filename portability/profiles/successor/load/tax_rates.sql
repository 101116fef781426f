-- Rates are whole basis points here; the successor knows today's rates already, under the same treatment, rate and day.
select
  v.id as _id,
  v.treatment as treatment_code,
  v.name as label,
  v.rate * 10000 as basis_points,
  v.effective_from as valid_from,
  v.effective_to as valid_to
from vat_code as v
where not v.is_deleted
