-- cm_columns lists the case screen's fields, the standard ones and those the clinic added.
with
kept as (
  select k.*, regexp_extract_all(regexp_replace(k.select_options, 'i:([0-9]+);', 's:0:"\1";', 'g'),
    's:[0-9]+:"([^"]*)";', 1) as parts
  from source.cm_columns as k
),
-- fields of the case screen whose values map/custom_field_value.sql carries, in case the clinic deleted their line
used as (
  select 'age' as code, 'Age' as label
  union all select 'income', 'Income'
  union all select 'per', 'Per'
  union all select 'judge', 'Judge'
  union all select 'pl_or_def', 'Plaintiff/Defendant'
  union all select 'section', 'Section'
  union all select 'dispo', 'Disposition'
)
select
  cast(k.id as varchar) as id,
  'cm_columns/' || k.id as source_key,
  'matter' as applies_to,
  k.db_name as code,
  k.display_name as label,
  case
    when k.db_name = 'income' then 'number'
    when k.input_type = 'date' then 'date'
    when k.input_type = 'select' then 'picklist'
    when k.input_type = 'textarea' then 'text'
    else 'string'
  end as data_type,
  k.input_type in ('dual', 'multi-text') as is_repeating,
  k.required = 1 as is_required,
  case when len(k.parts) > 1 then [{'code': k.parts[n], 'label': k.parts[n + 1]} for n in range(1, len(k.parts), 2)] end
    as options,
  case
    when k.db_name = 'race' then 'special_category'
    when k.db_name in ('income', 'per') then 'financial'
    when k.db_name in ('id', 'clinic_id', 'date_open', 'date_close', 'case_type', 'clinic_type') then 'none'
    when k.db_name in ('notes', 'close_notes', 'dispo', 'adverse_parties', 'case_name') then 'privileged'
    else 'personal'
  end as pd_class,
  k.display_by_default = 'true' as is_active,
  {
    'display_order': k.display_order, -- a float: fields were inserted between others
    'input_type': k.input_type,
    'include_in_case_table': k.include_in_case_table,
    -- lists whose keys are numbers lose them in options
    'select_options': nullif(k.select_options, '')
  } as extras
from kept as k
union all
select
  'column/' || u.code, '$profile/cm.' || u.code, 'matter', u.code, u.label,
  case when u.code = 'income' then 'number' else 'string' end, false, null, null, 'personal', true, null
from used as u
where u.code not in (select k.db_name from source.cm_columns as k)
