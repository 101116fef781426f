with matters as (
  select t.*, read_date(t.OPEN_DT, ['%d/%m/%Y', '%Y-%m-%d']) as opened from source.MTR_MAST as t
)
select
  cast(t.MTR_ID as varchar) as id,
  'MTR_MAST/' || t.MTR_ID as source_key,
  t.MTR_NO as matter_number,
  cast(t.CL_ID as varchar) as client_id,
  t.FIRM_ID || '/' || rtrim(t.TYPE_CODE) as matter_type_id,
  t.DESCR as title,
  case t.STATUS
    when 'ENQ' then 'enquiry' when 'OPN' then 'open' when 'HLD' then 'on_hold' when 'CLO' then 'closed' when 'ARC' then 'archived'
    else t.STATUS
  end as status,
  coalesce(s.DESCR, rtrim(t.STAGE)) as stage,
  cast(t.FE_ID as varchar) as fee_earner_id,
  cast(t.PARTNER_ID as varchar) as supervisor_id,
  t.FIRM_ID || '/' || rtrim(t.BR_CODE) as office_id,
  t.opened as opened_on,
  t.CLOSE_DT as closed_on,
  t.CL_REF as client_reference,
  t.COURT as court_name,
  t.CASE_NO as court_case_number,
  t.CLAIM_VAL as claim_value,
  'GBP' as currency,
  case t.BILLING when 'H' then 'hourly' when 'F' then 'fixed' when 'C' then 'conditional_fee' when 'L' then 'legal_aid' else t.BILLING end
    as billing_method,
  case t.FUNDING when 'P' then 'private' when 'I' then 'insurer' when 'L' then 'legal_aid' else t.FUNDING end as funding_type,
  t.EST_AMT as costs_estimate,
  t.EST_DT as estimate_given_on,
  case t.RISK when 1 then 'low' when 2 then 'medium' when 3 then 'high' end as risk_rating,
  t.FOLDER as folder_root,
  flag(t.CONFID) as is_confidential,
  from_local(t.CREATED) as created_at,
  cast(t.CREATED_BY as varchar) as created_by_id,
  from_local(t.UPDATED) as updated_at,
  t.DEL_FLAG = 'Y' as is_deleted,
  from_local(cast(t.DEL_DT as timestamp)) as deleted_at,
  {'reporting_group': t."GROUP"} as extras,
  {'opened_on': case when t.OPEN_DT <> '' and t.opened is null then t.OPEN_DT end} as unreadable
from matters as t
left join source.CODE_LKP as s on rtrim(s.LIST_CD) = 'STGE' and rtrim(s.CODE) = rtrim(t.STAGE)
