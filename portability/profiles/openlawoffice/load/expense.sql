-- Net of VAT: the application knows tax on an invoice only.
select
  d.id as _id,
  timezone('UTC', from_local(cast(d.incurred_on as timestamp))) as incurred,
  timezone('UTC', from_local(cast(d.paid_on as timestamp))) as paid,
  coalesce(s.display_name, '') as vendor,
  d.net_amount as amount,
  d.description as details,
  coalesce(d.created_by_id, '$import') as created_by_user_pid,
  coalesce(d.updated_by_id, d.created_by_id, '$import') as modified_by_user_pid,
  case when d.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(d.created_at, d.updated_at, from_local(cast(d.incurred_on as timestamp)), timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(d.updated_at, d.created_at, from_local(cast(d.incurred_on as timestamp)), timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when d.is_deleted then timezone('UTC', coalesce(d.deleted_at, d.updated_at, d.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from disbursement as d
left join contact as s on s.id = d.supplier_contact_id
