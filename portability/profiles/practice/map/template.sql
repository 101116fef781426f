select
  cast(t.PREC_ID as varchar) as id,
  'PRECEDENT/' || t.PREC_ID as source_key,
  t.NAME as name,
  case t.KIND when 'L' then 'document' when 'E' then 'email' when 'B' then 'bill' else t.KIND end as template_kind,
  replace(t.FOLDER, chr(92), '/') as category,
  t.FIRM_ID || '/' || rtrim(t.TYPE_CODE) as matter_type_id,
  t.BODY as body_text,
  '[TABLE.COLUMN]' as merge_field_syntax,
  t.VER as version_label,
  flag(t.ACTIVE) as is_active,
  cast(t.OWNER_ID as varchar) as owner_user_id
from source.PRECEDENT as t
