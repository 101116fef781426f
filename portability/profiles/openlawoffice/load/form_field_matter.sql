with facts as (
  select
    m.id, m.matter_number, c.client_number, m.status, cast(m.opened_on as varchar) as opened, cast(m.closed_on as varchar) as closed
  from matter as m
  left join client as c on c.id = m.client_id
),
listed as (
  select f.id, 'Matter number' as label, f.matter_number as value from facts as f
  union all select f.id, 'Client number', f.client_number from facts as f
  union all select f.id, 'Status', f.status from facts as f
  union all select f.id, 'Opened', f.opened from facts as f
  union all select f.id, 'Closed', f.closed from facts as f
)
select
  l.label || '/' || l.id as _id,
  l.id as matter_id,
  'field/' || l.label as form_field_id,
  l.value as value,
  '$import' as created_by_user_pid,
  '$import' as modified_by_user_pid,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_created,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_modified
from listed as l
where l.value is not null
union all
select
  'value/' || v.id,
  v.entity_id,
  'field/' || d.label,
  coalesce(
    v.value_raw, v.value_string, cast(v.value_decimal as varchar), cast(v.value_date as varchar),
    cast(v.value_timestamp as varchar), cast(v.value_bool as varchar), v.value_ref_entity || '/' || v.value_ref_id),
  '$import', '$import', timezone('UTC', timestamptz '1970-01-01 00:00:00+00'), timezone('UTC', timestamptz '1970-01-01 00:00:00+00')
from custom_field_value as v
join custom_field_definition as d on d.id = v.definition_id
where v.entity = 'matter' and not v.is_deleted
