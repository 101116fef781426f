-- The clinic's name stands in the application's configuration file, not in its database.
select
  'firm' as id,
  '$profile/firm' as source_key,
  'Law school clinic' as name,
  'USD' as base_currency,
  'America/Chicago' as time_zone,
  5 as time_unit_minutes
