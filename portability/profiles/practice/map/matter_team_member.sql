select
  t.MTR_ID || '/' || t.USER_ID || '/' || rtrim(t.TROLE) as id,
  'MTR_TEAM/' || t.MTR_ID || '/' || t.USER_ID || '/' || rtrim(t.TROLE) as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.USER_ID as varchar) as user_id,
  case rtrim(t.TROLE) when 'ASS' then 'assistant' when 'ORI' then 'originator' when 'SEC' then 'secretary' else 'other' end as team_role,
  t.SPLIT_PC as split_percent
from source.MTR_TEAM as t
