select
  cast(t.NOTE_ID as varchar) as id,
  'NOTE_TXT/' || t.NOTE_ID as source_key,
  case when t.ENTITY_TYPE = 'MT' then cast(t.ENTITY_ID as varchar) end as matter_id,
  case when t.ENTITY_TYPE = 'CL' then cast(t.ENTITY_ID as varchar) end as client_id,
  case when t.ENTITY_TYPE = 'CT' then cast(t.ENTITY_ID as varchar) end as contact_id,
  case t.NTYPE when 'AN' then 'attendance' when 'TI' then 'telephone_in' when 'TO' then 'telephone_out' when 'FN' then 'file_note' else t.NTYPE end
    as note_type,
  t.SUBJECT as subject,
  t.BODY as body,
  'plain' as body_format,
  from_local(t.NOTED_AT) as noted_at,
  cast(t.AUTHOR_ID as varchar) as author_id,
  t.MINS as duration_minutes,
  flag(t.PRIV_YN) as is_private,
  -- a parent of a kind that this profile does not know stays to be seen
  {'parent': case when t.ENTITY_TYPE not in ('MT', 'CL', 'CT') then t.ENTITY_TYPE || '/' || t.ENTITY_ID end} as extras
from source.NOTE_TXT as t
