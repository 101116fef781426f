with
types as (
  select t.case_type_code as code, cast(min(t.id) as varchar) as id
    from source.cm_case_types as t group by t.case_type_code
),
clinics as (
  select t.clinic_code as code, cast(min(t.id) as varchar) as id from source.cm_clinic_type as t group by t.clinic_code
),
cases as (
  select
    c.*,
    trim(regexp_replace(c.first_name || ' ' || c.middle_name || ' ' || c.last_name, ' +', ' ', 'g')) as full_name,
    c.date_close in ('', '0000-00-00') as is_open,
    read_date(c.date_open, ['%Y-%m-%d', '%m/%d/%Y']) as opened,
    read_date(c.date_close, ['%Y-%m-%d', '%m/%d/%Y']) as closed,
    c.first_name = 'DELETED' and c.last_name = 'DELETED' and c.organization = 'DELETED' as is_blanked
  from source.cm as c
)
select
  cast(c.id as varchar) as id,
  'cm/' || c.id as source_key,
  coalesce(nullif(c.clinic_id, ''), 'id ' || c.id) as matter_number,
  cast(c.id as varchar) as client_id,
  -- a code of no list stays to be seen: it resolves to nothing and is named in the findings
  case when c.case_type <> '' then coalesce(t.id, 'code/' || c.case_type) end as matter_type_id,
  coalesce(nullif(c.case_name, ''), nullif(c.full_name, ''), nullif(c.organization, ''),
    'Case ' || coalesce(nullif(c.clinic_id, ''), cast(c.id as varchar)))
    as title,
  case when c.is_open then 'open' else 'closed' end as status,
  p.id as supervisor_id,
  case when c.clinic_type <> '' then coalesce(o.id, 'code/' || c.clinic_type) end as office_id,
  c.opened as opened_on,
  c.closed as closed_on,
  c.court as court_name,
  c.ct_case_no as court_case_number,
  'USD' as currency,
  'pro_bono' as billing_method, -- a clinic charges nobody: the application knows no bills
  'pro_bono' as funding_type,
  false as is_confidential,
  c.notes,
  from_local(c.time_opened) as created_at,
  case when rtrim(c.opened_by) <> '' then coalesce(cast(u.id as varchar), 'username/' || lower(rtrim(c.opened_by))) end
    as created_by_id,
  c.is_blanked as is_deleted,
  case when c.is_blanked then from_local(c.time_closed) end as deleted_at,
  {
    'professor': nullif(c.professor, ''),
    'assigned_users': nullif(c.assigned_users, ''),
    'adverse_parties': nullif(c.adverse_parties, ''),
    -- of a closed case it is in archive_record
    'close_notes': case when c.is_open then nullif(c.close_notes, '') end
  } as extras,
  {
    'opened_on': case when c.date_open <> '' and c.opened is null then c.date_open end,
    'closed_on': case when c.date_close <> '' and c.closed is null then c.date_close end
  } as unreadable
from cases as c
left join types as t on t.code = c.case_type
left join clinics as o on o.code = c.clinic_type
left join source.cm_users as u on lower(rtrim(u.username)) = lower(rtrim(c.opened_by))
-- professor is free text; where it is a user's name, that user supervises
left join (select cast(s.id as varchar) as id, lower(rtrim(s.username)) as login from source.cm_users as s) as p
  on p.login = lower(rtrim(c.professor))
union all
-- work on no case needs a home: hours may not be lost because nobody was advised
select
  'NC', '$profile/non_case', 'NC', 'NC', null, 'Non-case work', 'open', null, null, null, null, null, null, 'USD',
  'pro_bono', 'pro_bono', false, null, null, null, false, null, null, null
where exists (select 1 from source.cm_case_notes as n where n.case_id = 'NC')
