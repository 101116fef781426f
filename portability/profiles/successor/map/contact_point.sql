select
  cast(t.id as varchar) as id,
  'channels/' || t.id as source_key,
  cast(t.party_id as varchar) as contact_id,
  case t.medium when 'voice' then 'phone' when 'message' then 'messaging' else t.medium end as kind,
  t.label as label,
  t.value as value,
  t.normalised as normalised_value,
  flag(t.is_preferred) as is_primary
from source.channels as t
