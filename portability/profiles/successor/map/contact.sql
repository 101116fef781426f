-- A party with what is known of it as a person and as an organisation.
with parties as (
  select t.*, cast(t.custom as json) as particulars from source.parties as t
)
select
  cast(t.id as varchar) as id,
  'parties/' || t.id as source_key,
  case
    when t.kind = 'organisation' then case o.kind when 'company' then 'organisation' else coalesce(o.kind, 'organisation') end
    when t.kind = 'group' then 'couple_or_group'
    else t.kind
  end as contact_type,
  t.display_name as display_name,
  p.prefix as title,
  p.given_names as given_name,
  p.family_name as family_name,
  p.suffix as suffix,
  t.particulars ->> '$.details.previous_names' as previous_names,
  p.known_as as preferred_name,
  t.salutation as salutation,
  o.registered_name as organisation_name,
  o.trading_name as trading_name,
  o.registration_number as company_number,
  t.particulars ->> '$.details.company_register' as company_register,
  t.particulars ->> '$.details.legal_form' as legal_form,
  o.vat_number as vat_number,
  o.charity_number as charity_number,
  p.born_on as date_of_birth,
  p.died_on as date_of_death,
  t.particulars ->> '$.details.place_of_birth' as place_of_birth,
  t.particulars ->> '$.details.gender' as gender,
  t.particulars ->> '$.details.marital_status' as marital_status,
  p.nationality as nationality,
  p.occupation as occupation,
  p.national_insurance_number as national_insurance_number,
  json_extract(t.particulars, '$.details.other_identifiers') as other_identifiers,
  t.particulars ->> '$.details.ethnicity' as ethnicity,
  t.particulars ->> '$.details.disability_notes' as disability_notes,
  t.particulars ->> '$.details.religion_or_belief' as religion_or_belief,
  t.particulars ->> '$.details.interpreter_language' as interpreter_language,
  t.particulars ->> '$.details.communication_restrictions' as communication_restrictions,
  flag(t.is_vulnerable) as vulnerable_client,
  t.bank_details as bank_details,
  t.notes as notes,
  cast(t.merged_into_id as varchar) as merged_into_id,
  from_utc(t.created_at) as created_at,
  cast(t.created_by as varchar) as created_by_id,
  flag(t.is_deleted) as is_deleted,
  from_utc(t.deleted_at) as deleted_at,
  {'legacy': t.particulars ->> '$.legacy'} as extras
from parties as t
left join source.persons as p on p.party_id = t.id
left join source.organisations as o on o.party_id = t.id
