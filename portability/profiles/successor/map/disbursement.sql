select
  cast(t.id as varchar) as id,
  'expenses/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.category as disbursement_type,
  t.text as description,
  cast(t.supplier_id as varchar) as supplier_contact_id,
  t.supplier_invoice as supplier_invoice_number,
  t.incurred_on as incurred_on,
  t.quantity as quantity,
  t.price as unit_price,
  cast(t.net_pence as decimal(17, 0)) * 0.01 as net_amount,
  cast(t.tax_pence as decimal(17, 0)) * 0.01 as vat_amount,
  cast(t.gross_pence as decimal(17, 0)) * 0.01 as gross_amount,
  cast(t.tax_rate_id as varchar) as vat_code_id,
  t.currency as currency,
  flag(t.is_anticipated) as is_anticipated,
  t.paid_on as paid_on,
  t.paid_from as paid_from_side,
  case t.state when 'expected' then 'anticipated' when 'open' then 'unbilled' when 'on_invoice' then 'on_bill' when 'invoiced' then 'billed'
    when 'settled' then 'paid' else t.state end as status,
  cast(t.invoice_line_id as varchar) as bill_line_id,
  cast(t.journal_id as varchar) as ledger_transaction_id
from source.expenses as t
