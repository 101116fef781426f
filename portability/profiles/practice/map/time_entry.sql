select
  cast(t.TE_ID as varchar) as id,
  'TIME_ENT/' || t.TE_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.FE_ID as varchar) as fee_earner_id,
  t.WORK_DT as work_date,
  cast(t.UNITS as integer) * f.TIME_UNIT as duration_minutes,
  t.UNITS as units,
  cast(t.CHG_UNITS as integer) * f.TIME_UNIT as chargeable_minutes,
  t.RATE as rate,
  t.VALUE as value,
  'GBP' as currency,
  rtrim(t.ACT_CD) as activity_code,
  t.NARR as narrative,
  case t.STATUS
    when 'D' then 'draft' when 'W' then 'wip' when 'B' then 'billed' when 'X' then 'written_off' when 'N' then 'non_chargeable'
    else t.STATUS
  end as status,
  t.BILL_ID || '/' || t.BILL_LN as bill_line_id,
  from_local(t.CREATED) as created_at
from source.TIME_ENT as t
join source.FIRM_MAST as f on f.FIRM_ID = t.FIRM_ID
