select
  'claims/' || c.id || '/offence' as id,
  'claims/' || c.id as source_key,
  'matter' as entity,
  cast(c.id as varchar) as entity_id,
  o.description as label,
  o.unique_code as value,
  'offence' as category
from source.claims as c
join source.offences as o on o.id = c.offence_id
