with contacts as (
  select t.*, read_date(t.DOB, ['%d/%m/%Y']) as born from source.CT_MAST as t
)
select
  cast(t.CT_ID as varchar) as id,
  'CT_MAST/' || t.CT_ID as source_key,
  case t.CT_TYPE
    when 'P' then 'person' when 'O' then 'organisation' when 'T' then 'trust' when 'C' then 'court' when 'B' then 'public_body'
    else t.CT_TYPE
  end as contact_type,
  coalesce(nullif(t.ORG_NAME, ''), concat_ws(' ', nullif(t.TITLE, ''), nullif(t.FORENAMES, ''), nullif(t.SURNAME, ''))) as display_name,
  t.TITLE as title,
  t.FORENAMES as given_name,
  t.SURNAME as family_name,
  t.SALUT as salutation,
  t.ORG_NAME as organisation_name,
  t.CO_NO as company_number,
  t.born as date_of_birth,
  t.OCCUP as occupation,
  t.NI_NO as national_insurance_number,
  flag(t.VULN) as vulnerable_client,
  case
    when nullif(t.BANK_SC, '') is not null or nullif(t.BANK_AC, '') is not null
      then {'sort_code': t.BANK_SC, 'account_number': t.BANK_AC}
  end as bank_details,
  t.NOTES as notes,
  cast(t.MERGED_TO as varchar) as merged_into_id,
  from_local(t.CREATED) as created_at,
  cast(t.CREATED_BY as varchar) as created_by_id,
  t.DEL_FLAG = 'Y' as is_deleted,
  from_local(cast(t.DEL_DT as timestamp)) as deleted_at,
  {'firm_id': t.FIRM_ID} as extras, -- nothing else says whose contact it is
  {'date_of_birth': case when t.DOB <> '' and t.born is null then t.DOB end} as unreadable
from contacts as t
