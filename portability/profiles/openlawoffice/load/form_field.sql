-- One field for each label, whatever the firm: titles are unique here. The first five are what a matter has no column for.
select
  'field/' || d.label as _id,
  d.label as title,
  cast(null as varchar) as description,
  '$import' as created_by_user_pid,
  '$import' as modified_by_user_pid,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_created,
  timezone('UTC', timestamptz '1970-01-01 00:00:00+00') as utc_modified
from (select distinct f.label from custom_field_definition as f where f.applies_to = 'matter' and not f.is_deleted) as d
where d.label not in ('Matter number', 'Client number', 'Status', 'Opened', 'Closed')
union all
select 'field/' || v.label, v.label, v.description,
  '$import', '$import', timezone('UTC', timestamptz '1970-01-01 00:00:00+00'), timezone('UTC', timestamptz '1970-01-01 00:00:00+00')
from (values
  ('Matter number', 'The number in the system before'), ('Client number', 'The number in the system before'),
  ('Status', 'In words of the archive'), ('Opened', 'Date'), ('Closed', 'Date')
) as v(label, description)
