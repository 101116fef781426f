select
  d.id as _id,
  d.matter_id as matter_id,
  d.disbursement_type as category,
  d.description as text,
  d.supplier_contact_id as supplier_id,
  d.supplier_invoice_number as supplier_invoice,
  d.incurred_on as incurred_on,
  d.quantity as quantity,
  d.unit_price as price,
  d.net_amount * 100 as net_pence,
  d.vat_amount * 100 as tax_pence,
  d.gross_amount * 100 as gross_pence,
  d.currency as currency,
  d.vat_code_id as tax_rate_id,
  d.is_anticipated as is_anticipated,
  d.paid_on as paid_on,
  d.paid_from_side as paid_from,
  d.status as state,
  d.bill_line_id as invoice_line_id,
  d.ledger_transaction_id as journal_id
from disbursement as d
where not d.is_deleted
