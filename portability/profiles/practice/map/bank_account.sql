select
  cast(t.BANK_ID as varchar) as id,
  'BANK_AC/' || t.BANK_ID as source_key,
  t.FIRM_ID || '/' || rtrim(t.BR_CODE) as office_id,
  case t.BTYPE when 'C' then 'client_general' when 'O' then 'office' else t.BTYPE end as account_type,
  t.NAME as name,
  t.BANK as bank_name,
  t.SORT_CD as sort_code,
  t.AC_NO as account_number,
  'GBP' as currency,
  cast(t.AC_ID as varchar) as nominal_account_id,
  t.OPENED as opened_on,
  t.CLOSED as closed_on,
  t.BAL as source_balance,
  flag(t.ACTIVE) as is_active
from source.BANK_AC as t
