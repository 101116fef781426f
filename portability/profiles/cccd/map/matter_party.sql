select
  'defendants/' || d.id as id,
  'defendants/' || d.id as source_key,
  cast(d.claim_id as varchar) as matter_id,
  'defendants/' || d.id as contact_id,
  'client' as party_role, -- the defence acts for each of them
  'Defendant' as role_label,
  null as reference,
  false as is_bill_payer
from source.defendants as d
union all
select 'claims/' || c.id, 'claims/' || c.id, cast(c.id as varchar), 'claims/' || c.id, 'client', 'Defendant', null,
  false
from source.claims as c
where c.id not in (select d.claim_id from source.defendants as d where d.claim_id is not null)
union all
select 'claims/' || c.id || '/court', 'claims/' || c.id, cast(c.id as varchar), 'courts/' || c.court_id, 'court',
  'Court', c.case_number, false
from source.claims as c where c.court_id is not null
union all
select
  'claims/' || c.id || '/transfer_court', 'claims/' || c.id, cast(c.id as varchar), 'courts/' || c.transfer_court_id,
    'court',
  'Transfer court', c.transfer_case_number, false
from source.claims as c where c.transfer_court_id is not null
union all
select 'claims/' || c.id || '/payer', 'claims/' || c.id, cast(c.id as varchar), 'laa', 'bill_payer',
  'Legal Aid Agency', cast(c.uuid as varchar), true
from source.claims as c
