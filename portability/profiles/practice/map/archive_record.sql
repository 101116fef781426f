-- Archiving is a group of columns on the matter; a matter without any of them has no record.
select
  cast(t.MTR_ID as varchar) as id,
  'MTR_MAST/' || t.MTR_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  t.ARCH_NO as archive_number,
  t.ARCH_DT as archived_on,
  t.BOX as box_number,
  t.STORE_LOC as storage_location,
  case when k.RETAIN_YRS is not null then 'Work type ' || rtrim(t.TYPE_CODE) end as retention_basis,
  k.RETAIN_YRS as retention_years,
  t.DESTROY_DT as destroy_after,
  coalesce(flag(t.LEGAL_HOLD), false) as legal_hold,
  t.DESTROYED as destroyed_on
from source.MTR_MAST as t
left join source.MTR_TYPE as k on k.FIRM_ID = t.FIRM_ID and rtrim(k.TYPE_CODE) = rtrim(t.TYPE_CODE)
where t.ARCH_NO is not null or t.ARCH_DT is not null or t.BOX is not null or t.STORE_LOC is not null
  or t.DESTROY_DT is not null or t.LEGAL_HOLD is not null or t.DESTROYED is not null
