-- Time and notes are one table: time in seconds, nothing for a mere note. A note on a client or a contact has no case: it is turned away.
select
  'time/' || e.id as _id,
  e.matter_id as case_id,
  to_local(coalesce(e.started_at, from_local(cast(e.work_date as timestamp)))) as date,
  e.duration_minutes * 60 as time,
  coalesce(e.narrative, '') as description,
  e.fee_earner_id as username,
  coalesce(e.created_at, from_local(cast(e.work_date as timestamp))) as datestamp,
  cast(null as varchar) as _reject
from time_entry as e
where not e.is_deleted
union all
select
  'note/' || n.id,
  n.matter_id,
  to_local(n.noted_at),
  0,
  concat_ws(chr(10), n.subject, n.body),
  coalesce(n.author_id, '$import'),
  coalesce(n.created_at, n.noted_at),
  case when n.matter_id is null then 'a note that is on no matter has no place in the target' end
from note as n
where not n.is_deleted
