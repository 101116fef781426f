select
  t.FIRM_ID || '/' || rtrim(t.TYPE_CODE) as id,
  'MTR_TYPE/' || t.FIRM_ID || '/' || rtrim(t.TYPE_CODE) as source_key,
  rtrim(t.TYPE_CODE) as code,
  t.DESCR as name,
  t.DEPT as department,
  flag(t.CONTENT_YN) as is_contentious,
  flag(t.RESERVED) as is_reserved,
  t.RETAIN_YRS as retention_years,
  flag(t.ACTIVE) as is_active
from source.MTR_TYPE as t
