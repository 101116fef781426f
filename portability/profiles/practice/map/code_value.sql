select
  rtrim(t.LIST_CD) || '/' || rtrim(t.CODE) as id,
  'CODE_LKP/' || rtrim(t.LIST_CD) || '/' || rtrim(t.CODE) as source_key,
  case rtrim(t.LIST_CD)
    when 'ACTV' then 'activity' when 'DISB' then 'disbursement_type' when 'REFS' then 'referral_source' when 'STGE' then 'stage'
    when 'PRTY' then 'party_role' else rtrim(t.LIST_CD)
  end as list_name,
  rtrim(t.CODE) as code,
  t.DESCR as label,
  t.SORT_ORD as sort_order,
  flag(t.ACTIVE) as is_active
from source.CODE_LKP as t
