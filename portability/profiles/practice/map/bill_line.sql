select
  t.BILL_ID || '/' || t.LINE_NO as id,
  'BILL_LINE/' || t.BILL_ID || '/' || t.LINE_NO as source_key,
  cast(t.BILL_ID as varchar) as bill_id,
  t.LINE_NO as line_number,
  cast(b.MTR_ID as varchar) as matter_id,
  case t.LTYPE when 'C' then 'costs' when 'D' then 'disbursement' when 'X' then 'discount' else t.LTYPE end as line_type,
  t.DESCR as description,
  cast(t.FE_ID as varchar) as fee_earner_id,
  t.QTY as quantity,
  t.PRICE as unit_price,
  t.NET as net_amount,
  rtrim(v.VAT_CODE) || '/' || v.FROM_DT as vat_code_id,
  cast(v.RATE_PC * 0.01 as decimal(9, 6)) as vat_rate,
  t.VAT as vat_amount,
  t.GROSS as gross_amount
from source.BILL_LINE as t
left join source.BILL_HDR as b on b.BILL_ID = t.BILL_ID
left join source.VAT_CD as v
  on rtrim(v.VAT_CODE) = rtrim(t.VAT_CODE) and b.BILL_DT >= v.FROM_DT and (v.TO_DT is null or b.BILL_DT <= v.TO_DT)
