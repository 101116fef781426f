select
  t.PAY_ID || '/' || t.BILL_ID as id,
  'PAY_ALLOC/' || t.PAY_ID || '/' || t.BILL_ID as source_key,
  cast(t.PAY_ID as varchar) as payment_id,
  cast(t.BILL_ID as varchar) as bill_id,
  t.AMT as amount,
  t.ALLOC_DT as allocated_on,
  t.REV_DT as reversed_on
from source.PAY_ALLOC as t
