-- Every line of a bill, whatever it charges: so an invoice's lines are the bill's, to the penny.
select
  l.id as _id,
  timezone('UTC', from_local(cast(coalesce(l.line_date, b.bill_date, b.due_on) as timestamp))) as incurred,
  l.net_amount as amount,
  coalesce(l.description, l.line_type) as details,
  coalesce(l.created_by_id, '$import') as created_by_user_pid,
  coalesce(l.updated_by_id, l.created_by_id, '$import') as modified_by_user_pid,
  case when l.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(l.created_at, l.updated_at, from_local(cast(b.bill_date as timestamp)), timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(l.updated_at, l.created_at, from_local(cast(b.bill_date as timestamp)), timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when l.is_deleted then timezone('UTC', coalesce(l.deleted_at, l.updated_at, l.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from bill_line as l
join bill as b on b.id = l.bill_id
