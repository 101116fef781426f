-- The claim as a bill to the agency. Its parts are kept as the source states them: where they do not add up to the
-- total, the findings say so.
with
personas as (
  select u.persona_id, cast(min(u.id) as varchar) as user_id
  from source.users as u where u.persona_type = 'ExternalUser' group by u.persona_id
),
parties as (
  select d.claim_id, 'defendants/' || min(d.id) as client_id from source.defendants as d group by d.claim_id
),
amounts as (
  select
    c.id,
    case when c.fees_total is null then 0 else exact_money(c.fees_total) end as fees,
    case when c.expenses_total is null then 0 else exact_money(c.expenses_total) end as expenses,
    case when c.disbursements_total is null then 0 else exact_money(c.disbursements_total) end as disbursements,
    case when c.total is null then 0 else exact_money(c.total) end as net,
    case when c.vat_amount is null then 0 else exact_money(c.vat_amount) end as vat
  from source.claims as c
)
select
  cast(c.id as varchar) as id,
  'claims/' || c.id as source_key,
  case when c.state <> 'draft' then cast(c.id as varchar) end as bill_number,
  'legal_aid_claim' as bill_type,
  -- a rejected claim is void: it is corrected in a clone of its own; whether an authorised one was paid, nobody tells
  case when c.state = 'draft' then 'draft' when c.state in ('refused', 'rejected') then 'void'
    else 'issued' end as status,
  coalesce(p.client_id, 'claims/' || c.id) as client_id,
  cast(c.id as varchar) as matter_id,
  'laa' as bill_to_contact_id,
  case when c.external_user_id is not null then coalesce(f.user_id, 'external_users/' || c.external_user_id) end
    as fee_earner_id,
  cast(timezone('Europe/London', from_utc(c.last_submitted_at)) as date) as bill_date,
  'GBP' as currency,
  a.fees as costs_net,
  a.expenses + a.disbursements as disbursements_net,
  0 as discount_net,
  a.net as net_total,
  a.vat as vat_total,
  a.net + a.vat as gross_total,
  0 as rounding_adjustment,
  cast(timezone('Europe/London', from_utc(c.original_submission_date)) as date) as delivered_on,
  from_utc(c.created_at) as created_at,
  from_utc(c.updated_at) as updated_at,
  c.deleted_at is not null as is_deleted,
  from_utc(c.deleted_at) as deleted_at,
  {
    'expenses_total': c.expenses_total,
    'disbursements_total': c.disbursements_total,
    'fees_vat': c.fees_vat,
    'expenses_vat': c.expenses_vat,
    'disbursements_vat': c.disbursements_vat,
    'apply_vat': c.apply_vat,
    'last_submitted_at': c.last_submitted_at,
    'original_submission_date': c.original_submission_date,
    'authorised_at': c.authorised_at
  } as extras,
  {
    'costs_net': case when a.fees is null then c.fees_total end,
    'net_total': case when a.net is null then c.total end,
    'vat_total': case when a.vat is null then c.vat_amount end
  } as unreadable
from source.claims as c
join amounts as a on a.id = c.id
left join parties as p on p.claim_id = c.id
left join personas as f on f.persona_id = c.external_user_id
