select
  cast(t.id as varchar) as id,
  'register_entries/' || t.id as source_key,
  cast(t.client_id as varchar) as client_id,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.party_id as varchar) as complainant_contact_id,
  t.entered_on as received_on,
  cast(t.details as json) ->> '$.category' as category,
  t.wording as summary,
  cast(t.staff_id as varchar) as handler_user_id,
  t.state as status,
  cast(cast(t.details as json) ->> '$.responded_on' as date) as responded_on,
  t.closed_on as resolved_on,
  cast(t.details as json) ->> '$.outcome' as outcome,
  t.amount as redress_amount,
  cast(t.details as json) ->> '$.ombudsman' as ombudsman_reference,
  cast(cast(t.details as json) ->> '$.insurer_told_on' as date) as insurer_notified_on
from source.register_entries as t
where t.register = 'complaint'
