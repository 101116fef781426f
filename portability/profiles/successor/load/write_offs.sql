select
  w.id as _id,
  w.kind as kind,
  w.matter_id as matter_id,
  w.time_entry_id as time_record_id,
  w.disbursement_id as expense_id,
  w.bill_id as invoice_id,
  w.amount_net as net,
  w.vat_amount as tax,
  w.written_off_on as written_off_on,
  w.authorised_by_id as authorised_by,
  w.reason as reason,
  w.ledger_transaction_id as journal_id
from write_off as w
where not w.is_deleted
