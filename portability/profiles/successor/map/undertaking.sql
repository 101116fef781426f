select
  cast(t.id as varchar) as id,
  'register_entries/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  t.kind as direction,
  cast(t.staff_id as varchar) as given_by_user_id,
  cast(t.party_id as varchar) as counterparty_contact_id,
  t.wording as text,
  t.entered_on as given_on,
  t.due_on as due_on,
  flag(cast(t.details as json) ->> '$.financial') as is_financial,
  t.amount as amount,
  cast(t.details as json) ->> '$.currency' as currency,
  t.closed_on as discharged_on,
  t.state as status
from source.register_entries as t
where t.register = 'undertaking'
