with clients as (
  select t.*, read_date(t.TERMS_DT, ['%d/%m/%Y']) as terms_sent from source.CL_MAST as t
)
select
  cast(t.CL_ID as varchar) as id,
  'CL_MAST/' || t.CL_ID as source_key,
  cast(t.CT_ID as varchar) as contact_id,
  t.CL_NO as client_number,
  case t.CL_TYPE when 'I' then 'individual' when 'J' then 'joint' when 'C' then 'company' when 'T' then 'trust_estate' else t.CL_TYPE end
    as client_type,
  case t.STATUS when 'A' then 'active' when 'D' then 'dormant' when 'F' then 'former' when 'P' then 'prospective' else t.STATUS end as status,
  cast(t.PARTNER_ID as varchar) as responsible_user_id,
  t.FIRM_ID || '/' || rtrim(t.BR_CODE) as office_id,
  t.OPEN_DT as opened_on,
  t.CLOSE_DT as closed_on,
  rtrim(t.REF_SRC) as referral_source,
  t.EBILL_ID as ledes_client_id,
  t.CREDIT_LIM as credit_limit,
  t.terms_sent as terms_sent_on,
  false as is_placeholder,
  t.DEL_FLAG = 'Y' as is_deleted,
  {'terms_sent_on': case when t.TERMS_DT <> '' and t.terms_sent is null then t.TERMS_DT end} as unreadable
from clients as t
