-- Texts made into file names that no file system of Windows, macOS or Linux minds, and that people can still read.
CREATE OR REPLACE TEMP MACRO _clean_part(x) AS regexp_replace(
  regexp_replace(
    coalesce(nullif(trim(rtrim(trim(regexp_replace(nfc_normalize(x), '[\x00-\x1f\x7f<>:"/\\|?*]+', '_', 'g')), '. ')), ''), 'unnamed'),
    '^\.+', '_'),
  '^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$', '_\0', 'i');
CREATE OR REPLACE TEMP MACRO _extension(x) AS regexp_extract(x, '[^/.](\.[A-Za-z0-9]{1,8})$', 1);
-- 60 characters of at most four bytes and an ending stay under the 255 bytes that a name may have.
CREATE OR REPLACE TEMP MACRO _clean(x) AS
  rtrim(left(_clean_part(left(x, length(x) - length(_extension(x)))), 60), '. ') || _extension(x);
CREATE OR REPLACE TEMP MACRO _clean_path(x) AS array_to_string(
  list_transform(
    list_filter(string_split(replace(x, '\', '/'), '/'), lambda p: trim(p, ' .') <> ''),
    lambda p: rtrim(left(_clean_part(p), 60), '. ')),
  '/');
