select
  cast(t.AC_ID as varchar) as id,
  'LEDG_AC/' || t.AC_ID as source_key,
  t.AC_CODE as code,
  t.NAME as name,
  case t.AC_CLASS
    when 'MC' then 'matter_client' when 'MO' then 'matter_office' when 'BC' then 'bank_client' when 'BO' then 'bank_office'
    when 'NI' then 'nominal_income' when 'NE' then 'nominal_expense' when 'VT' then 'vat' else t.AC_CLASS
  end as account_class,
  case when t.AC_CLASS in ('MC', 'BC') then 'client' else 'office' end as side,
  cast(t.MTR_ID as varchar) as matter_id,
  cast(m.CL_ID as varchar) as client_id,
  cast(t.BANK_ID as varchar) as bank_account_id,
  'GBP' as currency,
  t.BAL as source_balance,
  flag(t.ACTIVE) as is_active
from source.LEDG_AC as t
left join source.MTR_MAST as m on m.MTR_ID = t.MTR_ID
