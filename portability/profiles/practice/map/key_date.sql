-- A key date whose day cannot be read goes to quarantine: nobody may believe that there is none.
with dates as (
  select t.*, read_date(t.DUE_DT, ['%d/%m/%Y']) as due from source.KEY_DATE as t
)
select
  cast(t.KD_ID as varchar) as id,
  'KEY_DATE/' || t.KD_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  case t.KIND when 'LIM' then 'limitation' when 'CMP' then 'completion' when 'HEA' then 'hearing' else 'other' end as date_type,
  t.due as due_on,
  t.DESCR as description,
  cast(t.RESP_ID as varchar) as responsible_user_id,
  t.REMIND as reminder_days,
  case t.STATUS when 'P' then 'pending' when 'M' then 'met' when 'X' then 'missed' when 'V' then 'vacated' else t.STATUS end as status,
  from_local(t.DONE_AT) as completed_at,
  cast(t.DONE_BY as varchar) as completed_by_id,
  flag(t.CRITICAL) as is_critical,
  {'due_on': case when t.DUE_DT <> '' and t.due is null then t.DUE_DT end} as unreadable
from dates as t
