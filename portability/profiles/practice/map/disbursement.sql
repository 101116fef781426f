select
  cast(t.DSB_ID as varchar) as id,
  'DISBMT/' || t.DSB_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  rtrim(t.DTYPE) as disbursement_type,
  t.DESCR as description,
  cast(t.SUPP_CT as varchar) as supplier_contact_id,
  t.INV_NO as supplier_invoice_number,
  t.DSB_DT as incurred_on,
  t.NET as net_amount,
  t.VAT as vat_amount,
  t.GROSS as gross_amount,
  rtrim(v.VAT_CODE) || '/' || v.FROM_DT as vat_code_id,
  'GBP' as currency,
  false as is_anticipated,
  t.PAID_DT as paid_on,
  case t.SIDE when 'C' then 'client' when 'O' then 'office' else t.SIDE end as paid_from_side,
  case t.STATUS when 'U' then 'unbilled' when 'B' then 'billed' when 'P' then 'paid' when 'X' then 'written_off' else t.STATUS end as status,
  t.BILL_ID || '/' || t.BILL_LN as bill_line_id,
  cast(t.POST_ID as varchar) as ledger_transaction_id
from source.DISBMT as t
left join source.VAT_CD as v
  on rtrim(v.VAT_CODE) = rtrim(t.VAT_CODE) and t.DSB_DT >= v.FROM_DT and (v.TO_DT is null or t.DSB_DT <= v.TO_DT)
