-- Clients (columns of cm), contacts of a case, and adverse parties, who are a mere name.
with people as (
  select
    c.*,
    trim(regexp_replace(c.first_name || ' ' || c.middle_name || ' ' || c.last_name, ' +', ' ', 'g')) as full_name,
    read_date(c.dob, ['%Y-%m-%d', '%m/%d/%Y']) as born,
    -- deleting a case that is not the newest overwrites its names
    c.first_name = 'DELETED' and c.last_name = 'DELETED' and c.organization = 'DELETED' as is_blanked
  from source.cm as c
)
select
  'cm/' || p.id as id,
  'cm/' || p.id as source_key,
  case when p.full_name <> '' then 'person' when p.organization <> '' then 'organisation' else 'unknown' end
    as contact_type,
  coalesce(nullif(p.full_name, ''), nullif(p.organization, ''),
    'Client of case ' || coalesce(nullif(p.clinic_id, ''), cast(p.id as varchar)))
    as display_name,
  p.first_name as given_name,
  p.middle_name as middle_names,
  p.last_name as family_name,
  p.organization as organisation_name,
  p.born as date_of_birth,
  p.gender,
  case when p.ssn <> '' then [{'scheme': 'us-ssn', 'value': p.ssn}] end as other_identifiers,
  p.race as ethnicity,
  null as notes,
  from_local(p.time_opened) as created_at,
  p.is_blanked as is_deleted,
  case when p.is_blanked then from_local(p.time_closed) end as deleted_at,
  {'date_of_birth': case when p.dob <> '' and p.born is null then p.dob end} as unreadable
from people as p
union all
select
  'cm_contacts/' || c.id,
  'cm_contacts/' || c.id,
  case when c.first_name <> '' or c.last_name <> '' then 'person'
    when c.organization <> '' then 'organisation' else 'unknown' end,
  coalesce(nullif(trim(c.first_name || ' ' || c.last_name), ''), nullif(c.organization, ''), 'Contact ' || c.id),
  c.first_name,
  null,
  c.last_name,
  c.organization,
  null,
  null,
  null,
  null,
  c.notes,
  null,
  false,
  null,
  null
from source.cm_contacts as c
union all
select
  'cm_adverse_parties/' || a.id,
  'cm_adverse_parties/' || a.id,
  'unknown',
  a.name,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  false,
  null,
  null
from source.cm_adverse_parties as a
union all
-- the clinic itself, as the client of its non-case work
select 'firm', '$profile/non_case', 'organisation', 'Law school clinic', null, null, null, null, null, null, null,
  null, null, null, false, null, null
where exists (select 1 from source.cm_case_notes as n where n.case_id = 'NC')
