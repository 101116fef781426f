select
  cast(t.id as varchar) as id,
  'invoice_lines/' || t.id as source_key,
  cast(t.invoice_id as varchar) as bill_id,
  t.position as line_number,
  cast(t.matter_id as varchar) as matter_id,
  t.kind as line_type,
  t.text as description,
  t.dated_on as line_date,
  cast(t.staff_id as varchar) as fee_earner_id,
  t.quantity as quantity,
  t.price as unit_price,
  t.net as net_amount,
  cast(t.tax_rate_id as varchar) as vat_code_id,
  cast(r.basis_points as decimal(5, 0)) * 0.0001 as vat_rate,
  t.tax as vat_amount,
  t.gross as gross_amount
from source.invoice_lines as t
left join source.tax_rates as r on r.id = t.tax_rate_id
