-- One for each code, whatever the firm.
select
  'type/' || t.code as _id,
  min(t.name) as type,
  t.code as case_type_code
from matter_type as t
where not t.is_deleted
group by t.code
