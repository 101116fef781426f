-- The table has no key; matter and sequence make one.
select
  t.MTR_ID || '/' || t.SEQ as id,
  'STG_HIST/' || t.MTR_ID || '/' || t.SEQ as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  coalesce(s.DESCR, rtrim(t.STAGE)) as stage,
  lag(coalesce(s.DESCR, rtrim(t.STAGE))) over (partition by t.MTR_ID order by t.SEQ) as previous_stage,
  from_local(t.ENTERED) as entered_at,
  lead(from_local(t.ENTERED)) over (partition by t.MTR_ID order by t.SEQ) as left_at,
  cast(t.WHO as varchar) as changed_by_id,
  t.REMARK as comment
from source.STG_HIST as t
left join source.CODE_LKP as s on rtrim(s.LIST_CD) = 'STGE' and rtrim(s.CODE) = rtrim(t.STAGE)
