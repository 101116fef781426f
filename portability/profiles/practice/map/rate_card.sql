select
  t.FIRM_ID || '/' || rtrim(t.CARD_CODE) || '/' || t.LINE_NO as id,
  'RATE_CARD/' || t.FIRM_ID || '/' || rtrim(t.CARD_CODE) || '/' || t.LINE_NO as source_key,
  rtrim(t.CARD_CODE) as card_code,
  t.NAME as name,
  t.GRADE as grade,
  t.RATE as rate,
  'hour' as unit,
  'GBP' as currency,
  t.FROM_DT as effective_from,
  t.TO_DT as effective_to
from source.RATE_CARD as t
