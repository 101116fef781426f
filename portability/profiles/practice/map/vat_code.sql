select
  rtrim(t.VAT_CODE) || '/' || t.FROM_DT as id,
  'VAT_CD/' || rtrim(t.VAT_CODE) || '/' || t.FROM_DT as source_key,
  rtrim(t.VAT_CODE) as code,
  t.DESCR as name,
  case rtrim(t.VAT_CODE)
    when 'S' then 'standard' when 'R' then 'reduced' when 'Z' then 'zero' when 'E' then 'exempt' when 'O' then 'outside_scope'
    else rtrim(t.VAT_CODE)
  end as treatment,
  cast(t.RATE_PC * 0.01 as decimal(9, 6)) as rate,
  t.FROM_DT as effective_from,
  t.TO_DT as effective_to
from source.VAT_CD as t
