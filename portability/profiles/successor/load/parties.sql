-- `custom` holds the values of custom fields, what the successor has no column for, and the source's own extras.
with fields as (
  select
    v.entity_id,
    to_json(list({
      'field': v.definition_id,
      'record': v.record_number,
      'value': coalesce(
        v.value_raw, v.value_string, cast(v.value_decimal as varchar), cast(v.value_date as varchar),
        cast(v.value_timestamp as varchar), cast(v.value_bool as varchar), v.value_ref_entity || '/' || v.value_ref_id)
    } order by v.definition_id, v.record_number, v.id)) as entries
  from custom_field_value as v
  where v.entity = 'contact' and not v.is_deleted
  group by v.entity_id
),
details as (
  select
    c.id,
    json_merge_patch('{}', to_json({
      'previous_names': c.previous_names, 'place_of_birth': c.place_of_birth, 'gender': c.gender,
      'marital_status': c.marital_status, 'other_identifiers': cast(c.other_identifiers as json), 'ethnicity': c.ethnicity,
      'disability_notes': c.disability_notes, 'religion_or_belief': c.religion_or_belief,
      'interpreter_language': c.interpreter_language, 'communication_restrictions': c.communication_restrictions,
      'company_register': c.company_register, 'legal_form': c.legal_form
    })) as entries
  from contact as c
)
select
  c.id as _id,
  c.contact_type as kind,
  c.display_name as display_name,
  c.salutation as salutation,
  c.vulnerable_client as is_vulnerable,
  c.bank_details as bank_details,
  c.notes as notes,
  c.merged_into_id as merged_into_id,
  nullif(json_merge_patch('{}', to_json({
    'fields': f.entries, 'details': nullif(d.entries, '{}'), 'legacy': cast(c.extras as json)})), '{}') as custom,
  timezone('UTC', c.created_at) as created_at,
  c.created_by_id as created_by,
  timezone('UTC', c.deleted_at) as deleted_at,
  c.is_deleted as is_deleted
from contact as c
left join details as d on d.id = c.id
left join fields as f on f.entity_id = c.id
