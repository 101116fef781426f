-- Contacts; and for each user a contact who is our employee, with the user's e-mail address: so the application knows that
-- the two are one. A contact holds three addresses, three e-mail addresses and faxes, ten telephones and one web page.
with ranked as (
  select
    p.contact_id, p.label, p.value, k.sort,
    row_number() over (partition by p.contact_id, k.sort order by p.is_primary desc, length(p.id), p.id) as turn
  from contact_point as p
  join (values ('phone', 'phone'), ('mobile', 'phone'), ('fax', 'fax'), ('email', 'email'), ('secure_mail', 'email'), ('web', 'web')) as k(kind, sort)
    on k.kind = p.kind
  where not p.is_deleted
),
homes as (
  select a.*, row_number() over (partition by a.contact_id order by a.is_primary desc, length(a.id), a.id) as turn
  from contact_address as a
  where not a.is_deleted
)
select
  'contact/' || c.id as _id,
  c.contact_type not in ('person', 'unknown', 'couple_or_group') as is_organization,
  false as is_our_employee,
  c.preferred_name as nickname,
  c.suffix as generation,
  c.title as display_name_prefix,
  c.family_name as surname,
  c.middle_names as middle_name,
  c.given_name as given_name,
  cast(null as varchar) as initials,
  c.display_name as display_name,
  m1.label as email1_display_name,
  m1.value as email1_email_address,
  m2.label as email2_display_name,
  m2.value as email2_email_address,
  m3.label as email3_display_name,
  m3.value as email3_email_address,
  f1.label as fax1_display_name,
  f1.value as fax1_fax_number,
  f2.label as fax2_display_name,
  f2.value as fax2_fax_number,
  f3.label as fax3_display_name,
  f3.value as fax3_fax_number,
  a1.address_type as address1_display_name,
  nullif(concat_ws(chr(10), a1.line1, a1.line2, a1.line3), '') as address1_address_street,
  a1.town as address1_address_city,
  a1.county as address1_address_state_or_province,
  a1.postcode as address1_address_postal_code,
  a1.country_code as address1_address_country_code,
  a2.address_type as address2_display_name,
  nullif(concat_ws(chr(10), a2.line1, a2.line2, a2.line3), '') as address2_address_street,
  a2.town as address2_address_city,
  a2.county as address2_address_state_or_province,
  a2.postcode as address2_address_postal_code,
  a2.country_code as address2_address_country_code,
  a3.address_type as address3_display_name,
  nullif(concat_ws(chr(10), a3.line1, a3.line2, a3.line3), '') as address3_address_street,
  a3.town as address3_address_city,
  a3.county as address3_address_state_or_province,
  a3.postcode as address3_address_postal_code,
  a3.country_code as address3_address_country_code,
  t1.label as telephone1_display_name,
  t1.value as telephone1_telephone_number,
  t2.label as telephone2_display_name,
  t2.value as telephone2_telephone_number,
  t3.label as telephone3_display_name,
  t3.value as telephone3_telephone_number,
  t4.label as telephone4_display_name,
  t4.value as telephone4_telephone_number,
  t5.label as telephone5_display_name,
  t5.value as telephone5_telephone_number,
  t6.label as telephone6_display_name,
  t6.value as telephone6_telephone_number,
  t7.label as telephone7_display_name,
  t7.value as telephone7_telephone_number,
  t8.label as telephone8_display_name,
  t8.value as telephone8_telephone_number,
  t9.label as telephone9_display_name,
  t9.value as telephone9_telephone_number,
  t10.label as telephone10_display_name,
  t10.value as telephone10_telephone_number,
  cast(c.date_of_birth as timestamp) as birthday,
  cast(null as varchar) as title,
  c.organisation_name as company_name,
  c.occupation as profession,
  c.gender as gender,
  coalesce(w1.value) as business_home_page,
  cast(null as varchar) as billing_rate_id,
  coalesce(c.created_by_id, '$import') as created_by_user_pid,
  coalesce(c.updated_by_id, c.created_by_id, '$import') as modified_by_user_pid,
  case when c.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(c.created_at, c.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(c.updated_at, c.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when c.is_deleted then timezone('UTC', coalesce(c.deleted_at, c.updated_at, c.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from contact as c
left join ranked as m1 on m1.contact_id = c.id and m1.sort = 'email' and m1.turn = 1
left join ranked as m2 on m2.contact_id = c.id and m2.sort = 'email' and m2.turn = 2
left join ranked as m3 on m3.contact_id = c.id and m3.sort = 'email' and m3.turn = 3
left join ranked as f1 on f1.contact_id = c.id and f1.sort = 'fax' and f1.turn = 1
left join ranked as f2 on f2.contact_id = c.id and f2.sort = 'fax' and f2.turn = 2
left join ranked as f3 on f3.contact_id = c.id and f3.sort = 'fax' and f3.turn = 3
left join ranked as t1 on t1.contact_id = c.id and t1.sort = 'phone' and t1.turn = 1
left join ranked as t2 on t2.contact_id = c.id and t2.sort = 'phone' and t2.turn = 2
left join ranked as t3 on t3.contact_id = c.id and t3.sort = 'phone' and t3.turn = 3
left join ranked as t4 on t4.contact_id = c.id and t4.sort = 'phone' and t4.turn = 4
left join ranked as t5 on t5.contact_id = c.id and t5.sort = 'phone' and t5.turn = 5
left join ranked as t6 on t6.contact_id = c.id and t6.sort = 'phone' and t6.turn = 6
left join ranked as t7 on t7.contact_id = c.id and t7.sort = 'phone' and t7.turn = 7
left join ranked as t8 on t8.contact_id = c.id and t8.sort = 'phone' and t8.turn = 8
left join ranked as t9 on t9.contact_id = c.id and t9.sort = 'phone' and t9.turn = 9
left join ranked as t10 on t10.contact_id = c.id and t10.sort = 'phone' and t10.turn = 10
left join ranked as w1 on w1.contact_id = c.id and w1.sort = 'web' and w1.turn = 1
left join homes as a1 on a1.contact_id = c.id and a1.turn = 1
left join homes as a2 on a2.contact_id = c.id and a2.turn = 2
left join homes as a3 on a3.contact_id = c.id and a3.turn = 3
union all by name
select
  'user/' || u.id as _id,
  false as is_organization,
  true as is_our_employee,
  u.family_name as surname,
  u.given_name as given_name,
  u.initials as initials,
  u.display_name as display_name,
  u.email as email1_email_address,
  u.phone as telephone1_telephone_number,
  u.job_title as title,
  case when u.default_rate is not null then u.id end as billing_rate_id,
  coalesce(u.created_by_id, '$import') as created_by_user_pid,
  coalesce(u.updated_by_id, u.created_by_id, '$import') as modified_by_user_pid,
  case when u.is_deleted then '$import' end as disabled_by_user_pid,
  timezone('UTC', coalesce(u.created_at, u.updated_at, timestamptz '1970-01-01 00:00:00+00')) as utc_created,
  timezone('UTC', coalesce(u.updated_at, u.created_at, timestamptz '1970-01-01 00:00:00+00')) as utc_modified,
  case when u.is_deleted then timezone('UTC', coalesce(u.deleted_at, u.updated_at, u.created_at, timestamptz '1970-01-01 00:00:00+00')) end as utc_disabled
from "user" as u
