select
  cast(t.CHK_ID as varchar) as id,
  'CONFL_CHK/' || t.CHK_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.CL_ID as varchar) as client_id,
  from_local(t.CHK_AT) as checked_at,
  cast(t.CHK_BY as varchar) as checked_by_id,
  string_split(nullif(t.TERMS, ''), ';') as search_terms,
  string_split(nullif(t.HITS, ''), ';') as results,
  case t.RESULT when 'P' then 'passed' when 'R' then 'referred' when 'F' then 'failed' else t.RESULT end as status,
  t.REASON as reason
from source.CONFL_CHK as t
