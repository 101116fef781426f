-- One client for each case: the source does not know that two cases have the same client, and nobody may guess it.
with cases as (
  select
    c.*,
    c.date_close in ('', '0000-00-00') as is_open,
    read_date(c.date_open, ['%Y-%m-%d', '%m/%d/%Y']) as opened,
    read_date(c.date_close, ['%Y-%m-%d', '%m/%d/%Y']) as closed,
    c.first_name = 'DELETED' and c.last_name = 'DELETED' and c.organization = 'DELETED' as is_blanked
  from source.cm as c
)
select
  cast(c.id as varchar) as id,
  'cm/' || c.id as source_key,
  'cm/' || c.id as contact_id,
  coalesce(nullif(c.clinic_id, ''), 'id ' || c.id) as client_number,
  case when c.first_name = '' and c.middle_name = '' and c.last_name = ''
    and c.organization <> '' then 'other' else 'individual' end
    as client_type,
  case when c.is_open then 'active' else 'former' end as status,
  c.opened as opened_on,
  c.closed as closed_on,
  c.referral as referral_source,
  concat(c.first_name, c.middle_name, c.last_name, c.organization) = '' as is_placeholder,
  c.is_blanked as is_deleted,
  case when c.is_blanked then from_local(c.time_closed) end as deleted_at
from cases as c
union all
select 'NC', '$profile/non_case', 'firm', 'NC', 'other', 'active', null, null, null, true, false, null
where exists (select 1 from source.cm_case_notes as n where n.case_id = 'NC')
