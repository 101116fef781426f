-- Cases hold the text of these lists, not a key; so the text is the code.
select 'cm_courts/' || c.id as id, 'cm_courts/' || c.id as source_key, 'court' as list_name, c.court as code,
c.court as label, true as is_active
from source.cm_courts as c
union all
select 'cm_dispos/' || d.id, 'cm_dispos/' || d.id, 'disposition', d.dispo, d.dispo, true
from source.cm_dispos as d
union all
select 'cm_referral/' || r.id, 'cm_referral/' || r.id, 'referral_source', r.referral, r.referral, true
from source.cm_referral as r
union all
select 'cm_contacts_types/' || t.id, 'cm_contacts_types/' || t.id, 'contact_type', t.type, t.type, true
from source.cm_contacts_types as t
