select
  cast(c.id as varchar) as id,
  'claims/' || c.id as source_key,
  cast(c.id as varchar) as matter_id,
  c.state as retention_basis,
  cast(timezone('Europe/London', from_utc(c.valid_until)) as date) as destroy_after,
  false as legal_hold,
  c.deleted_at is not null as is_deleted
from source.claims as c
where c.state like 'archived%' or c.valid_until is not null
