select
  'versions/' || v.id as id,
  'versions/' || v.id as source_key,
  from_utc(v.created_at) as occurred_at,
  nullif(v.whodunnit, '') as user_id,
  v.whodunnit as user_label,
  v.event as action,
  case when v.item_type like 'Claim::%' then 'matter' end as entity,
  case when v.item_type like 'Claim::%' then cast(v.item_id as varchar) end as entity_id,
  case when v.item_type like 'Claim::%' then cast(v.item_id as varchar) end as matter_id,
  null as description,
  {'object': v.object, 'object_changes': v.object_changes} as changes, -- YAML, as the library wrote it
  false as is_deleted,
  null as deleted_at,
  {'item_type': v.item_type, 'item_id': v.item_id} as extras
from source.versions as v
union all
-- passing a claim on to the agency's payment systems
select
  'injection_attempts/' || i.id,
  'injection_attempts/' || i.id,
  from_utc(i.created_at),
  null,
  null,
  'injection',
  'bill',
  cast(i.claim_id as varchar),
  cast(i.claim_id as varchar),
  case when i.succeeded then 'succeeded' when not i.succeeded then 'failed' end,
  case when i.error_messages is not null then {'object': cast(i.error_messages as varchar), 'object_changes': null} end,
  i.deleted_at is not null,
  from_utc(i.deleted_at),
  {'succeeded': i.succeeded, 'updated_at': i.updated_at}
from source.injection_attempts as i
