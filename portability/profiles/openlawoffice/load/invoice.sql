-- Addressed to whom the bill names, else to the client. A draft without a date is dated when it was made.
with homes as (
  select a.*, row_number() over (partition by a.contact_id order by a.is_primary desc, length(a.id), a.id) as turn
  from contact_address as a
  where not a.is_deleted
),
payers as (
  select
    b.id, coalesce(b.bill_to_contact_id, c.contact_id) as contact_id,
    from_local(cast(coalesce(b.bill_date, b.tax_point, b.due_on) as timestamp)) as dated
  from bill as b
  join client as c on c.id = b.client_id
)
select
  b.id as _id,
  'contact/' || p.contact_id as bill_to_contact_id,
  timezone('UTC', coalesce(p.dated, b.created_at)) as date,
  timezone('UTC', coalesce(from_local(cast(b.due_on as timestamp)), p.dated, b.created_at)) as due,
  b.net_total as subtotal,
  b.vat_total as tax_amount,
  b.gross_total as total,
  b.bill_number as external_invoice_id,
  k.display_name as bill_to_name_line_1,
  coalesce(a.line1, '') as bill_to_address_line_1,
  concat_ws(', ', a.line2, a.line3) as bill_to_address_line_2,
  coalesce(a.town, '') as bill_to_city,
  coalesce(a.county, '') as bill_to_state,
  coalesce(a.postcode, '') as bill_to_zip,
  b.matter_id as matter_id,
  coalesce(b.created_by_id, '$import') as created_by_user_pid,
  coalesce(b.updated_by_id, b.created_by_id, '$import') as modified_by_user_pid,
  case when b.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(b.created_at, b.updated_at, p.dated, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(b.updated_at, b.created_at, p.dated, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when b.is_deleted then timezone('UTC', coalesce(b.deleted_at, b.updated_at, b.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from bill as b
join payers as p on p.id = b.id
join contact as k on k.id = p.contact_id
left join homes as a on a.contact_id = p.contact_id and a.turn = 1
