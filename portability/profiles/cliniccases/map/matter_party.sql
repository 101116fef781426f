select
  'cm/' || c.id as id,
  'cm/' || c.id as source_key,
  cast(c.id as varchar) as matter_id,
  'cm/' || c.id as contact_id,
  'client' as party_role,
  c.pl_or_def as role_label,
  false as is_adverse,
  c.first_name = 'DELETED' and c.last_name = 'DELETED' and c.organization = 'DELETED' as is_deleted
from source.cm as c
union all
select 'NC', '$profile/non_case', 'NC', 'firm', 'client', null, false, false
where exists (select 1 from source.cm_case_notes as n where n.case_id = 'NC')
union all
select
  'cm_contacts/' || c.id,
  'cm_contacts/' || c.id,
  nullif(c.assoc_case, ''),
  'cm_contacts/' || c.id,
  case c.type
    when 'Witness' then 'witness'
    when 'Opposing Counsel' then 'other_side_representative'
    when 'Opposing Party' then 'other_side'
    when 'Expert' then 'expert'
    else 'other'
  end,
  c.type,
  c.type in ('Opposing Counsel', 'Opposing Party'),
  false
from source.cm_contacts as c
union all
select
  'cm_adverse_parties/' || a.id,
  'cm_adverse_parties/' || a.id,
  nullif(a.case_id, ''),
  'cm_adverse_parties/' || a.id,
  'other_side',
  'Adverse Party',
  true,
  false
from source.cm_adverse_parties as a
