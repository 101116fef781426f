select
  cast(t.id as varchar) as id,
  'due_diligence/' || t.id as source_key,
  cast(t.party_id as varchar) as contact_id,
  cast(t.matter_id as varchar) as matter_id,
  t.kind as check_type,
  t.level as level,
  t.provider as provider,
  t.provider_reference as provider_reference,
  from_utc(t.done_at) as performed_at,
  cast(t.done_by as varchar) as performed_by_id,
  t.outcome as status,
  t.renew_on as expires_on,
  t.evidence as evidence,
  t.notes as notes
from source.due_diligence as t
