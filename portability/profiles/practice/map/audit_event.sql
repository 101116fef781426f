select
  cast(t.AUD_ID as varchar) as id,
  'AUD_LOG/' || t.AUD_ID as source_key,
  -- kept in UTC, with a zone where the database has such a type and without where it has not
  make_timestamptz(epoch_us(t.AT_UTC)) as occurred_at,
  cast(t.USER_ID as varchar) as user_id,
  case t.ACTION when 'INSERT' then 'create' else lower(t.ACTION) end as action,
  case when t.TABLE_NM = 'MTR_MAST' then 'matter' end as entity,
  case when t.TABLE_NM = 'MTR_MAST' then cast(t.ROW_ID as varchar) end as entity_id,
  case when t.TABLE_NM = 'MTR_MAST' then cast(t.ROW_ID as varchar) end as matter_id,
  t.DETAIL as changes,
  t.IP_ADDR as ip_address
from source.AUD_LOG as t
