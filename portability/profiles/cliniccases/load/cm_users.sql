-- A user name has at most 25 characters and is told apart whatever its letters' case. Nobody knows a password: each is set anew.
with named as (
  select
    u.id, coalesce(u.login_name, 'user' || u.id) as login,
    row_number() over (partition by lower(coalesce(u.login_name, 'user' || u.id)) order by length(u.id), u.id) as turn
  from "user" as u
)
select
  u.id as _id,
  coalesce(u.given_name, '') as first_name,
  coalesce(u.family_name, u.display_name) as last_name,
  coalesce(u.email, '') as email,
  coalesce(u.phone, '') as office_phone,
  case when u.is_fee_earner then 'prof' else 'admin' end as grp,
  n.login || case when n.turn > 1 then '-' || n.turn else '' end as username,
  '!' as password,
  '' as supervisors,
  '' as evals,
  case when u.status = 'active' and not u.is_deleted then 'active' else 'inactive' end as status,
  coalesce(u.created_at, timestamptz '1971-01-01 00:00:00+00') as date_created,
  1 as force_new_password
from "user" as u
join named as n on n.id = u.id
union all by name
select
  '$import' as _id, '' as first_name, 'Import' as last_name, '' as email, '' as office_phone, 'admin' as grp, 'portability-import' as username,
  '!' as password, '' as supervisors, '' as evals, 'inactive' as status, timestamptz '1971-01-01 00:00:00+00' as date_created,
  1 as force_new_password
