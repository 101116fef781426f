select
  c.id as _id,
  c.id as party_id,
  case when c.contact_type in ('court', 'public_body', 'trust') then c.contact_type else 'company' end as kind,
  c.organisation_name as registered_name,
  c.trading_name as trading_name,
  c.company_number as registration_number,
  c.vat_number as vat_number,
  c.charity_number as charity_number
from contact as c
where c.contact_type in ('organisation', 'court', 'public_body', 'trust')
  or coalesce(c.organisation_name, c.trading_name, c.company_number, c.vat_number, c.charity_number) is not null
