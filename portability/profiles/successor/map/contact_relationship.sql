select
  cast(t.id as varchar) as id,
  'relationships/' || t.id as source_key,
  cast(t.party_id as varchar) as from_contact_id,
  cast(t.other_party_id as varchar) as to_contact_id,
  t.kind as relationship_type,
  t.wording as description,
  t.valid_from as valid_from,
  t.valid_to as valid_to
from source.relationships as t
