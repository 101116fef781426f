with checks as (
  select t.*, read_date(t.EXPIRY, ['%d/%m/%Y']) as expires from source.AML_CHK as t
)
select
  cast(t.AML_ID as varchar) as id,
  'AML_CHK/' || t.AML_ID as source_key,
  cast(t.CT_ID as varchar) as contact_id,
  cast(t.MTR_ID as varchar) as matter_id,
  case t.KIND when 'ID' then 'identity' when 'AD' then 'address' when 'SF' then 'source_of_funds' else t.KIND end as check_type,
  t.PROVIDER as provider,
  t.PROV_REF as provider_reference,
  from_local(t.CHK_DT) as performed_at,
  cast(t.CHK_BY as varchar) as performed_by_id,
  case t.RESULT when 'P' then 'passed' when 'R' then 'referred' when 'F' then 'failed' else t.RESULT end as status,
  t.expires as expires_on,
  case when t.EVIDENCE <> '' then [{'type': t.EVIDENCE}] end as evidence,
  {'expires_on': case when t.EXPIRY <> '' and t.expires is null then t.EXPIRY end} as unreadable
from checks as t
