with points as (
  select t.CT_ID, 'phone' as kind, 'home' as label, t.TEL_HOME as value from source.CT_MAST as t
  union all
  select t.CT_ID, 'phone', 'work', t.TEL_WORK from source.CT_MAST as t
  union all
  select t.CT_ID, 'mobile', 'mobile', t.TEL_MOB from source.CT_MAST as t
  union all
  select t.CT_ID, 'email', 'email', t.EMAIL from source.CT_MAST as t
  union all
  select t.CT_ID, 'web', 'web', t.WEB from source.CT_MAST as t
)
select
  p.CT_ID || '/' || p.label as id,
  'CT_MAST/' || p.CT_ID as source_key,
  cast(p.CT_ID as varchar) as contact_id,
  p.kind as kind,
  p.label as label,
  p.value as value,
  case
    when p.kind = 'email' then lower(p.value)
    when p.kind in ('phone', 'mobile') and regexp_full_match(replace(p.value, ' ', ''), '0[1-9][0-9]{8,9}')
      then '+44' || substr(replace(p.value, ' ', ''), 2)
  end as normalised_value,
  p.label <> 'work' as is_primary
from points as p
where p.value <> ''
