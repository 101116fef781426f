-- Accounts of users, who choose a password at the next login: '!' is no hash of any. The account '$import' stands for whoever
-- is not known; rows of the application must name somebody.
with named as (
  select
    u.id, coalesce(u.login_name, 'user-' || u.id) as login,
    row_number() over (partition by lower(coalesce(u.login_name, 'user-' || u.id)) order by length(u.id), u.id) as turn
  from "user" as u
)
select
  u.id as _id,
  n.login || case when n.turn > 1 then '-' || n.turn else '' end as "Username",
  'Website' as "ApplicationName",
  u.email as "Email",
  '!' as "Password",
  u.status in ('active', 'system') and not u.is_deleted as "IsApproved",
  u.created_at as "CreationDate"
from "user" as u
join named as n on n.id = u.id
union all
select '$import', 'portability-import', 'Website', null, '!', false, null
