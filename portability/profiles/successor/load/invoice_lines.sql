select
  l.id as _id,
  l.bill_id as invoice_id,
  l.line_number as position,
  l.matter_id as matter_id,
  l.line_type as kind,
  l.description as text,
  l.line_date as dated_on,
  l.fee_earner_id as staff_id,
  l.quantity as quantity,
  l.unit_price as price,
  l.net_amount as net,
  l.vat_amount as tax,
  l.gross_amount as gross,
  l.vat_code_id as tax_rate_id
from bill_line as l
where not l.is_deleted
