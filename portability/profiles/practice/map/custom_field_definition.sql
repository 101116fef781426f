with highest as (
  select v.FLD_ID, max(v.REC_NO) as record_number from source.CUST_VAL as v group by v.FLD_ID
)
select
  cast(t.FLD_ID as varchar) as id,
  'CUST_DEF/' || t.FLD_ID as source_key,
  case t.ENTITY when 'MT' then 'matter' when 'CT' then 'contact' when 'CL' then 'client' else t.ENTITY end as applies_to,
  t.FLD_CODE as code,
  t.LABEL as label,
  t.SCREEN as group_code,
  case t.DTYPE
    when 'S' then 'string' when 'M' then 'money' when 'D' then 'date' when 'B' then 'bool' when 'P' then 'picklist' when 'N' then 'number'
    else t.DTYPE
  end as data_type,
  coalesce(h.record_number > 1, false) as is_repeating,
  list_transform(string_split(nullif(t.OPTIONS, ''), '|'), lambda x: {'code': split_part(x, '=', 1), 'label': split_part(x, '=', 2)}) as options,
  case t.PD_CLASS when 'P' then 'personal' when 'F' then 'financial' when 'S' then 'special_category' when 'N' then 'none' else 'privileged' end
    as pd_class,
  t.SORT_ORD as sort_order,
  flag(t.ACTIVE) as is_active,
  {'firm_id': t.FIRM_ID} as extras
from source.CUST_DEF as t
left join highest as h on h.FLD_ID = t.FLD_ID
