with schemes as (
  select s.offence_id, string_agg(cast(s.fee_scheme_id as varchar), ',' order by s.fee_scheme_id, s.id) as ids
  from source.offence_fee_schemes as s group by s.offence_id
)
select
  'fee_types/' || t.id as id, 'fee_types/' || t.id as source_key, 'fee_type' as list_name,
  coalesce(nullif(t.unique_code, ''), cast(t.id as varchar)) as code, t.description as label,
  p.unique_code as parent_code,
  t.position as sort_order, true as is_active,
  from_utc(t.created_at) as created_at, from_utc(t.updated_at) as updated_at,
  {
    'code': t.code, 'type': t.type, 'roles': t.roles, 'calculated': t.calculated, 'max_amount': t.max_amount,
    'quantity_is_decimal': t.quantity_is_decimal
  } as extras
from source.fee_types as t
left join source.fee_types as p on p.id = t.parent_id
union all
select
  'expense_types/' || t.id, 'expense_types/' || t.id, 'expense_type',
    coalesce(nullif(t.unique_code, ''), cast(t.id as varchar)), t.name, null,
  null, true, from_utc(t.created_at), from_utc(t.updated_at), {'roles': t.roles, 'reason_set': t.reason_set}
from source.expense_types as t
union all
select
  'disbursement_types/' || t.id, 'disbursement_types/' || t.id, 'disbursement_type',
    coalesce(nullif(t.unique_code, ''), cast(t.id as varchar)),
  t.name, null, null, t.deleted_at is null, from_utc(t.created_at), from_utc(t.updated_at), {'deleted_at': t.deleted_at}
from source.disbursement_types as t
union all
select
  'certification_types/' || t.id, 'certification_types/' || t.id, 'certification_type', cast(t.id as varchar), t.name,
    null, null, true,
  from_utc(t.created_at), from_utc(t.updated_at), {'pre_may_2015': t.pre_may_2015, 'roles': t.roles}
from source.certification_types as t
union all
select
  'case_stages/' || s.id, 'case_stages/' || s.id, 'case_stage',
    coalesce(nullif(s.unique_code, ''), cast(s.id as varchar)), s.description,
  t.fee_type_code, s.position, s.unique_code not like 'OBSOLETE%', null, null,
    {'case_type_id': s.case_type_id, 'roles': s.roles}
from source.case_stages as s
left join source.case_types as t on t.id = s.case_type_id
union all
select
  'offences/' || o.id, 'offences/' || o.id, 'offence', o.unique_code, o.description,
  coalesce('class ' || c.class_letter, 'band ' || b.description), null, true, from_utc(o.created_at),
    from_utc(o.updated_at),
  {'contrary': o.contrary, 'year_chapter': o.year_chapter, 'fee_scheme_ids': s.ids}
from source.offences as o
left join source.offence_classes as c on c.id = o.offence_class_id
left join source.offence_bands as b on b.id = o.offence_band_id
left join schemes as s on s.offence_id = o.id
union all
select
  'offence_classes/' || c.id, 'offence_classes/' || c.id, 'offence_class', 'class ' || c.class_letter, c.description,
    null, null, true,
  from_utc(c.created_at), from_utc(c.updated_at), null
from source.offence_classes as c
union all
select
  'offence_bands/' || b.id, 'offence_bands/' || b.id, 'offence_band', 'band ' || b.description, b.description,
    'category ' || c.number,
  b.number, true, from_utc(b.created_at), from_utc(b.updated_at), null
from source.offence_bands as b
left join source.offence_categories as c on c.id = b.offence_category_id
union all
select
  'offence_categories/' || c.id, 'offence_categories/' || c.id, 'offence_category', 'category ' || c.number,
    c.description, null, c.number,
  true, from_utc(c.created_at), from_utc(c.updated_at), null
from source.offence_categories as c
union all
select
  'fee_schemes/' || s.id, 'fee_schemes/' || s.id, 'fee_scheme', cast(s.id as varchar), s.name || ' ' || s.version,
    null, s.version,
  s.end_date is null, from_utc(s.created_at), from_utc(s.updated_at),
    {'start_date': s.start_date, 'end_date': s.end_date}
from source.fee_schemes as s
