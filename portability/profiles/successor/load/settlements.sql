select
  a.id as _id,
  a.payment_id as receipt_id,
  a.credit_bill_id as credit_invoice_id,
  a.bill_id as invoice_id,
  a.amount as amount,
  a.allocated_on as settled_on,
  a.reversed_on as undone_on
from payment_allocation as a
where not a.is_deleted
