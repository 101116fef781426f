select
  cast(t.BILL_ID as varchar) as id,
  'BILL_HDR/' || t.BILL_ID as source_key,
  t.BILL_NO as bill_number,
  case t.BTYPE when 'I' then 'interim' when 'F' then 'final' when 'C' then 'credit_note' else t.BTYPE end as bill_type,
  case t.STATUS
    when 0 then 'draft' when 1 then 'issued' when 2 then 'part_paid' when 3 then 'paid' when 9 then 'written_off'
    else cast(t.STATUS as varchar)
  end as status,
  cast(t.CL_ID as varchar) as client_id,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.FE_ID as varchar) as fee_earner_id,
  t.BILL_DT as bill_date,
  t.DUE_DT as due_on,
  'GBP' as currency,
  t.COSTS as costs_net,
  t.DISBS as disbursements_net,
  t.DISC as discount_net,
  t.NET as net_total,
  t.VAT as vat_total,
  t.TOTAL as gross_total,
  0 as rounding_adjustment,
  t.PAID as paid_total,
  t.W_OFF as written_off_total,
  t.OS_BAL as outstanding,
  t.DELIV_DT as delivered_on,
  t.NARR as narrative
from source.BILL_HDR as t
