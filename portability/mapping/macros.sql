-- What profile SQL may call besides DuckDB's own functions. {zone} is the profile's time zone.
CREATE MACRO from_local(ts) AS timezone('{zone}', ts);
-- An instant to the local wall clock of the profile's zone.
CREATE MACRO to_local(ts) AS timezone('{zone}', ts);
CREATE MACRO from_utc(ts) AS timezone('UTC', ts);
CREATE MACRO read_timestamp(txt, formats) AS try_strptime(txt, formats);
CREATE MACRO read_date(txt, formats) AS CAST(try_strptime(txt, formats) AS DATE);
-- Text, float (by its shortest text) or decimal to money; NULL when it is not exactly a number of at most four decimals.
CREATE MACRO exact_money(x) AS CASE
  WHEN regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]{{1,15}}([.][0-9]{{0,4}}0*)?') THEN CAST(CAST(x AS VARCHAR) AS DECIMAL(19, 4)) END;
CREATE MACRO flag(x) AS CASE
  WHEN lower(trim(CAST(x AS VARCHAR))) IN ('y', 'yes', '1', 't', 'true') THEN true
  WHEN lower(trim(CAST(x AS VARCHAR))) IN ('n', 'no', '0', 'f', 'false') THEN false END;
CREATE MACRO text_or_null(x) AS nullif(CAST(x AS VARCHAR), '');
