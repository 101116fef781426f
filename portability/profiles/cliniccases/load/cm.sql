-- One row is the matter, its client and its court case. Whatever is not known is an empty text; a case that is not closed has an
-- empty date_close, and the first moment of 1970 where the application itself would write a zero date.
with ranked as (
  select
    p.contact_id, p.kind, p.value, coalesce(p.label, p.kind) as label,
    row_number() over (partition by p.contact_id, p.kind order by p.is_primary desc, length(p.id), p.id) as turn
  from contact_point as p
  where not p.is_deleted
),
-- PHP's own notation of a list: the value, and what kind it is.
points as (
  select
    r.contact_id,
    'a:' || count(*) filter (r.kind in ('phone', 'mobile', 'fax')) || ':{'
      || coalesce(string_agg('s:' || strlen(r.value) || ':"' || r.value || '";s:' || strlen(r.label) || ':"' || r.label || '";', '' order by r.kind, r.turn)
        filter (r.kind in ('phone', 'mobile', 'fax')), '') || '}' as phones,
    'a:' || count(*) filter (r.kind = 'email') || ':{'
      || coalesce(string_agg('s:' || strlen(r.value) || ':"' || r.value || '";s:' || strlen(r.label) || ':"' || r.label || '";', '' order by r.turn)
        filter (r.kind = 'email'), '') || '}' as emails
  from ranked as r
  group by r.contact_id
),
homes as (
  select a.*, row_number() over (partition by a.contact_id order by a.is_primary desc, length(a.id), a.id) as turn
  from contact_address as a
  where not a.is_deleted
)
select
  m.id as _id,
  m.matter_number as clinic_id,
  case when c.contact_type in ('person', 'unknown') then coalesce(c.given_name, '') else '' end as first_name,
  coalesce(c.middle_names, '') as middle_name,
  case
    when c.contact_type in ('person', 'unknown', 'couple_or_group') then coalesce(c.family_name, case when c.given_name is null then c.display_name end, '')
    else ''
  end as last_name,
  case when c.contact_type in ('person', 'unknown', 'couple_or_group') then '' else coalesce(c.organisation_name, c.display_name) end as organization,
  coalesce(cast(m.opened_on as varchar), '') as date_open,
  coalesce(cast(m.closed_on as varchar), case when m.status in ('completed', 'closed', 'archived', 'declined') then '1970-01-01' else '' end) as date_close,
  'type/' || t.code as case_type,
  m.office_id as clinic_type,
  coalesce(m.supervisor_id, m.fee_earner_id, '$import') as professor,
  coalesce(a.line1, '') as address1,
  concat_ws(', ', a.line2, a.line3) as address2,
  coalesce(a.town, '') as city,
  coalesce(a.county, '') as state,
  coalesce(a.postcode, '') as zip,
  coalesce(p.phones, '') as phone,
  coalesce(p.emails, '') as email,
  coalesce(c.national_insurance_number, '') as ssn,
  coalesce(cast(c.date_of_birth as varchar), '') as dob,
  coalesce(c.gender, '') as gender,
  coalesce(c.ethnicity, '') as race,
  '' as per,
  '' as pl_or_def,
  coalesce(m.court_name, '') as court,
  coalesce(m.court_case_number, '') as ct_case_no,
  m.title as case_name,
  '' as adverse_parties,
  concat_ws(chr(10), m.description, m.notes) as notes,
  '' as close_notes,
  coalesce(l.referral_source, '') as referral,
  '' as assigned_users,
  coalesce(m.created_by_id, '$import') as opened_by,
  to_local(coalesce(m.created_at, from_local(cast(m.opened_on as timestamp)), timestamptz '1970-01-02 00:00:00+00')) as time_opened,
  '$import' as closed_by,
  to_local(coalesce(from_local(cast(m.closed_on as timestamp)), timestamptz '1970-01-02 00:00:00+00')) as time_closed
from matter as m
join client as l on l.id = m.client_id
join contact as c on c.id = l.contact_id
left join matter_type as t on t.id = m.matter_type_id
left join points as p on p.contact_id = c.id
left join homes as a on a.contact_id = c.id and a.turn = 1
where not m.is_deleted
