-- The parties as listed; and, for a matter whose list forgot it, its own client.
select
  cast(t.PTY_ID as varchar) as id,
  'MTR_PARTY/' || t.PTY_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(t.CT_ID as varchar) as contact_id,
  case rtrim(t.ROLE_CD)
    when 'CLI' then 'client' when 'OSIDE' then 'other_side' when 'OSOL' then 'other_side_representative' when 'WITN' then 'witness'
    when 'COUNS' then 'counsel' when 'COURT' then 'court' when 'LENDR' then 'lender' else 'other'
  end as party_role,
  coalesce(r.DESCR, rtrim(t.ROLE_CD)) as role_label,
  t.PREF as reference,
  flag(t.ADVERSE) as is_adverse,
  t.SEQ as sequence
from source.MTR_PARTY as t
left join source.CODE_LKP as r on rtrim(r.LIST_CD) = 'PRTY' and rtrim(r.CODE) = rtrim(t.ROLE_CD)
union all
select
  'client/' || m.MTR_ID,
  'MTR_MAST/' || m.MTR_ID,
  cast(m.MTR_ID as varchar),
  cast(c.CT_ID as varchar),
  'client',
  null,
  null,
  false,
  null
from source.MTR_MAST as m
join source.CL_MAST as c on c.CL_ID = m.CL_ID
where not exists (select 1 from source.MTR_PARTY as p where p.MTR_ID = m.MTR_ID and p.CT_ID = c.CT_ID and rtrim(p.ROLE_CD) = 'CLI')
