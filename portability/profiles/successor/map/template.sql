select
  cast(t.id as varchar) as id,
  'templates/' || t.id as source_key,
  t.name as name,
  t.kind as template_kind,
  t.folder as category,
  cast(t.work_type_id as varchar) as matter_type_id,
  t.body as body_text,
  t.merge_syntax as merge_field_syntax,
  t.version as version_label,
  flag(t.is_active) as is_active,
  cast(t.owner_id as varchar) as owner_user_id
from source.templates as t
