select
  cast(t.id as varchar) as id,
  'settlements/' || t.id as source_key,
  cast(t.receipt_id as varchar) as payment_id,
  cast(t.credit_invoice_id as varchar) as credit_bill_id,
  cast(t.invoice_id as varchar) as bill_id,
  t.amount as amount,
  t.settled_on as allocated_on,
  t.undone_on as reversed_on
from source.settlements as t
