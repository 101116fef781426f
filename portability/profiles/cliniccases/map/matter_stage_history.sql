-- The only stages are open and closed; a zero time_closed is how the application says "not yet".
select
  'cm/' || c.id || '/opened' as id,
  'cm/' || c.id as source_key,
  cast(c.id as varchar) as matter_id,
  'open' as stage,
  null as previous_stage,
  from_local(c.time_opened) as entered_at,
  case when rtrim(c.opened_by) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(c.opened_by))) end
    as changed_by_id,
  null as outcome
from source.cm as c
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(c.opened_by))
where c.time_opened is not null
union all
select
  'cm/' || c.id || '/closed',
  'cm/' || c.id,
  cast(c.id as varchar),
  'closed',
  'open',
  from_local(c.time_closed),
  case when rtrim(c.closed_by) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(c.closed_by))) end,
  c.dispo
from source.cm as c
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(c.closed_by))
where c.time_closed is not null
