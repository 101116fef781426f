select
  'cm_case_notes/' || n.id as id,
  'cm_case_notes/' || n.id as source_key,
  nullif(n.case_id, '') as matter_id,
  case when rtrim(n.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(n.username))) end
    as fee_earner_id,
  coalesce(cast(n.date as date), cast(timezone('America/Chicago', n.datestamp) as date)) as work_date,
  -- time is seconds in a float. Seconds to minutes is the one division here: whole numbers, rounded half up at the
  -- fourth place, and the seconds stay in extras
  ((cast(exact_money(n.time) * 10000 as bigint) + 30) // 60) * cast(0.0001 as decimal(5, 4)) as duration_minutes,
  0 as value,
  'USD' as currency,
  n.description as narrative,
  'non_chargeable' as status,
  'a law school clinic charges nobody' as non_chargeable_reason,
  n.datestamp as created_at,
  {'time': n.time, 'prof': nullif(n.prof, '')} as extras,
  {'duration_minutes': case when exact_money(n.time) is null then n.time end} as unreadable
from source.cm_case_notes as n
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(n.username))
