select
  cast(t.id as varchar) as id,
  'write_offs/' || t.id as source_key,
  t.kind as kind,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.time_record_id as varchar) as time_entry_id,
  cast(t.expense_id as varchar) as disbursement_id,
  cast(t.invoice_id as varchar) as bill_id,
  t.net as amount_net,
  t.tax as vat_amount,
  t.written_off_on as written_off_on,
  cast(t.authorised_by as varchar) as authorised_by_id,
  t.reason as reason,
  cast(t.journal_id as varchar) as ledger_transaction_id
from source.write_offs as t
