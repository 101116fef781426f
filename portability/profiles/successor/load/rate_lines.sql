select
  r.id as _id,
  r.card_code as card,
  r.name as label,
  r.user_id as staff_id,
  r.grade as grade,
  r.rate * 100 as amount_pence,
  r.unit as per,
  r.currency as currency,
  r.effective_from as valid_from,
  r.effective_to as valid_to
from rate_card as r
where not r.is_deleted
