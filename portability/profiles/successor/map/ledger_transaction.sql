select
  cast(t.id as varchar) as id,
  'journals/' || t.id as source_key,
  t.number as transaction_number,
  case t.kind
    when 'CR' then 'client_receipt' when 'CP' then 'client_payment' when 'OR' then 'office_receipt' when 'OP' then 'office_payment'
    when 'C2O' then 'client_to_office' when 'O2C' then 'office_to_client' when 'C2C' then 'client_to_client' when 'C2D' then 'client_to_deposit'
    when 'D2C' then 'deposit_to_client' when 'INV' then 'bill' when 'CN' then 'credit_note' when 'EXP' then 'disbursement'
    when 'WO' then 'write_off' when 'INT' then 'interest' when 'JNL' then 'journal' when 'OB' then 'opening_balance' when 'REV' then 'reversal'
    when 'OTH' then 'other'
  end as posting_type,
  t.posted_on as posting_date,
  from_utc(t.keyed_at) as entered_at,
  cast(t.keyed_by as varchar) as entered_by_id,
  cast(t.authorised_by as varchar) as authorised_by_id,
  cast(t.matter_id as varchar) as matter_id,
  t.reference as reference,
  t.narrative as narrative,
  cast(t.payee_id as varchar) as payee_contact_id,
  t.period as period,
  cast(t.reverses_id as varchar) as reverses_transaction_id,
  cast(t.invoice_id as varchar) as bill_id
from source.journals as t
