select
  cast(t.id as varchar) as id,
  'rate_lines/' || t.id as source_key,
  t.card as card_code,
  t.label as name,
  cast(t.staff_id as varchar) as user_id,
  t.grade as grade,
  cast(t.amount_pence as decimal(17, 0)) * 0.01 as rate,
  t.per as unit,
  t.currency as currency,
  t.valid_from as effective_from,
  t.valid_to as effective_to
from source.rate_lines as t
