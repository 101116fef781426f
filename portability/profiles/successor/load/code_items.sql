select
  c.id as _id, c.list_name as list, c.code as code, c.label as label, c.sort_order as position, c.is_active as is_active
from code_value as c
where not c.is_deleted
