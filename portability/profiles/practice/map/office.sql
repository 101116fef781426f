select
  t.FIRM_ID || '/' || rtrim(t.BR_CODE) as id,
  'BRANCH/' || t.FIRM_ID || '/' || rtrim(t.BR_CODE) as source_key,
  cast(t.FIRM_ID as varchar) as firm_id,
  t.NAME as name,
  rtrim(t.BR_CODE) as code,
  t.LAA_NO as laa_account_number,
  concat_ws(chr(10), nullif(t.ADDR1, ''), nullif(t.ADDR2, ''), nullif(t.TOWN, '')) as address_lines,
  t.PCODE as postcode,
  'GB' as country_code,
  t.TEL as phone,
  t.DX as dx_number,
  flag(t.OPEN_YN) as is_active
from source.BRANCH as t
