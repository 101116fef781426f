select
  p.id as _id,
  p.matter_id as matter_id,
  p.contact_id as party_id,
  p.party_role as role_id,
  p.role_label as wording,
  p.represented_by_party_id as representative_id,
  p.reference as reference,
  p.is_adverse as is_adverse,
  p.is_bill_payer as pays_bills,
  p.sequence as position,
  p.notes as notes
from matter_party as p
where not p.is_deleted
