select
  t.POST_ID || '/' || t.LINE_NO as id,
  'LEDG_LINE/' || t.POST_ID || '/' || t.LINE_NO as source_key,
  cast(t.POST_ID as varchar) as transaction_id,
  t.LINE_NO as line_number,
  cast(t.AC_ID as varchar) as ledger_account_id,
  case t.SIDE when 'C' then 'client' when 'O' then 'office' else t.SIDE end as side,
  case when t.DC = 'D' then t.AMT else cast(0 as decimal(15, 2)) end as debit,
  case when t.DC = 'C' then t.AMT else cast(0 as decimal(15, 2)) end as credit,
  'GBP' as currency,
  p.POST_DT as posting_date,
  t.SEQ_NO as sequence,
  t.RUN_BAL as source_running_balance,
  rtrim(v.VAT_CODE) || '/' || v.FROM_DT as vat_code_id,
  t.CLR_DT as cleared_on
from source.LEDG_LINE as t
left join source.LEDG_POST as p on p.POST_ID = t.POST_ID
left join source.VAT_CD as v
  on rtrim(v.VAT_CODE) = rtrim(t.VAT_CODE) and p.POST_DT >= v.FROM_DT and (v.TO_DT is null or p.POST_DT <= v.TO_DT)
