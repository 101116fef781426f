with firms as (
  select
    b.id,
    coalesce(o.firm_id, h.firm_id, co.firm_id, u.firm_id, (select case when count(*) = 1 then min(x.id) end from firm as x)) as firm_id
  from bill as b
  left join matter as m on m.id = b.matter_id
  left join office as o on o.id = m.office_id
  left join "user" as h on h.id = m.fee_earner_id
  left join client as c on c.id = b.client_id
  left join office as co on co.id = c.office_id
  left join "user" as u on u.id = c.responsible_user_id
)
select
  b.id as _id,
  f.firm_id as legal_entity_id,
  b.bill_number as number,
  b.bill_type as kind,
  b.status as state,
  b.client_id as client_id,
  b.matter_id as matter_id,
  b.bill_to_contact_id as payer_id,
  b.fee_earner_id as staff_id,
  b.bill_date as dated_on,
  b.tax_point as tax_point,
  b.due_on as due_on,
  b.delivered_on as delivered_on,
  b.currency as currency,
  b.costs_net as fees,
  b.disbursements_net as expenses,
  b.discount_net as discount,
  b.rounding_adjustment as rounding,
  b.vat_total as tax,
  b.gross_total as gross,
  b.paid_total as stated_paid,
  b.written_off_total as stated_written_off,
  b.outstanding as stated_open,
  b.credits_bill_id as credits_id,
  b.narrative as narrative,
  b.purchase_order as purchase_order
from bill as b
join firms as f on f.id = b.id
where not b.is_deleted
