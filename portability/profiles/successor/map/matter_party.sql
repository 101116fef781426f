select
  cast(t.id as varchar) as id,
  'matter_parties/' || t.id as source_key,
  cast(t.matter_id as varchar) as matter_id,
  cast(t.party_id as varchar) as contact_id,
  case r.code
    when 'opponent' then 'other_side' when 'opponent_solicitor' then 'other_side_representative' when 'payer' then 'bill_payer'
    when 'authority' then 'government_department' else r.code
  end as party_role,
  t.wording as role_label,
  cast(t.representative_id as varchar) as represented_by_party_id,
  t.reference as reference,
  flag(t.is_adverse) as is_adverse,
  flag(t.pays_bills) as is_bill_payer,
  t.position as sequence,
  t.notes as notes
from source.matter_parties as t
left join source.party_roles as r on r.id = t.role_id
