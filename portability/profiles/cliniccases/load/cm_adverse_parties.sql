-- The names that the application's search for conflicts looks through.
select
  p.id as _id,
  p.matter_id as case_id,
  c.display_name as name
from matter_party as p
join contact as c on c.id = p.contact_id
where (p.is_adverse or p.party_role in ('other_side', 'defendant', 'respondent')) and not p.is_deleted
