select
  cast(l.id as varchar) as id,
  'cm_logs/' || l.id as source_key,
  l.timestamp as occurred_at,
  case when rtrim(l.username) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(l.username))) end
    as user_id,
  l.username as user_label,
  case l.type when 'in' then 'login' when 'out' then 'logout'
    else coalesce(nullif(l.type, ''), 'unknown') end as action,
  l.ip as ip_address,
  {'last_msg_check': l.last_msg_check} as extras
from source.cm_logs as l
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(l.username))
