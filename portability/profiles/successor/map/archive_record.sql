with records as (
  select t.id, unnest(cast(cast(t.retention as json) as json[])) as record, generate_subscripts(cast(cast(t.retention as json) as json[]), 1) as turn
  from source.matters as t
)
select
  r.id || '/' || r.turn as id,
  'matters/' || r.id as source_key,
  cast(r.id as varchar) as matter_id,
  r.record ->> '$.number' as archive_number,
  cast(r.record ->> '$.archived_on' as date) as archived_on,
  r.record ->> '$.box' as box_number,
  r.record ->> '$.place' as storage_location,
  r.record ->> '$.basis' as retention_basis,
  cast(r.record ->> '$.years' as bigint) as retention_years,
  cast(r.record ->> '$.destroy_after' as date) as destroy_after,
  coalesce(flag(r.record ->> '$.hold'), false) as legal_hold,
  r.record ->> '$.hold_reason' as legal_hold_reason,
  cast(r.record ->> '$.destroyed_on' as date) as destroyed_on,
  r.record ->> '$.destroyed_how' as destruction_method,
  r.record ->> '$.out_to' as checked_out_to,
  r.record ->> '$.comments' as comments
from records as r
