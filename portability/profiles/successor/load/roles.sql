select r.id as _id, r.name as name, r.kind as kind, r.description as description, r.permissions as permissions, r.is_active as is_active
from role as r
where not r.is_deleted
