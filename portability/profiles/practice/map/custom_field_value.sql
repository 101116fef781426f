-- Every value is text in the source. What cannot be read as its field's type stays text; value_raw is always the source's own.
with typed as (
  select
    t.*,
    d.ENTITY as owner_kind,
    case when d.DTYPE in ('M', 'N') then exact_money(replace(replace(t.FVALUE, '£', ''), ',', '')) end as number,
    case when d.DTYPE = 'D' then read_date(t.FVALUE, ['%d/%m/%Y']) end as day,
    case when d.DTYPE = 'B' then flag(t.FVALUE) end as yes_no
  from source.CUST_VAL as t
  left join source.CUST_DEF as d on d.FLD_ID = t.FLD_ID
)
select
  t.FLD_ID || '/' || t.ENTITY_ID || '/' || t.REC_NO as id,
  'CUST_VAL/' || t.FLD_ID || '/' || t.ENTITY_ID || '/' || t.REC_NO as source_key,
  cast(t.FLD_ID as varchar) as definition_id,
  case t.owner_kind when 'MT' then 'matter' when 'CT' then 'contact' when 'CL' then 'client' end as entity,
  cast(t.ENTITY_ID as varchar) as entity_id,
  t.REC_NO as record_number,
  case when t.number is null and t.day is null and t.yes_no is null then t.FVALUE end as value_string,
  t.number as value_decimal,
  t.day as value_date,
  t.yes_no as value_bool,
  t.FVALUE as value_raw
from typed as t
