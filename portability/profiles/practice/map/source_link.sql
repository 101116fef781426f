-- Contacts that were merged into another one.
select
  'contact/' || t.CT_ID as id,
  'contact' as entity,
  cast(s.CT_ID as varchar) as entity_id,
  'CT_MAST/' || t.CT_ID as source_key,
  'merged' as link_role
from source.CT_MAST as t
join source.CT_MAST as s on s.CT_ID = t.MERGED_TO
