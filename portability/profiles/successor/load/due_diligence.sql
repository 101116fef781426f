select
  c.id as _id,
  c.contact_id as party_id,
  c.matter_id as matter_id,
  c.check_type as kind,
  c.level as level,
  c.provider as provider,
  c.provider_reference as provider_reference,
  timezone('UTC', c.performed_at) as done_at,
  c.performed_by_id as done_by,
  c.status as outcome,
  c.expires_on as renew_on,
  c.evidence as evidence,
  concat_ws(chr(10), c.method, c.notes) as notes
from cdd_check as c
where not c.is_deleted
