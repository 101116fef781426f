select
  t.id as _id,
  t.name as name,
  t.template_kind as kind,
  t.category as folder,
  t.matter_type_id as work_type_id,
  t.body_text as body,
  t.merge_field_syntax as merge_syntax,
  t.version_label as version,
  t.owner_user_id as owner_id,
  t.is_active as is_active
from template as t
where not t.is_deleted
