select
  r.id as _id,
  r.from_contact_id as party_id,
  r.to_contact_id as other_party_id,
  r.relationship_type as kind,
  r.description as wording,
  r.valid_from as valid_from,
  r.valid_to as valid_to
from contact_relationship as r
where not r.is_deleted
