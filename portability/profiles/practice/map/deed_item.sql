with items as (
  select t.*, read_date(t."Date Executed", ['%d/%m/%Y']) as executed from source."Deed Store" as t
)
select
  cast(t."Item No" as varchar) as id,
  'Deed Store/' || t."Item No" as source_key,
  cast(t."Client" as varchar) as client_id,
  cast(t."Matter" as varchar) as matter_id,
  case t."Type" when 'WL' then 'will' when 'PA' then 'lpa' when 'TD' then 'title_deeds' when 'LS' then 'lease' else 'other' end as item_type,
  t."Description" as description,
  t."Packet" as packet_number,
  t."Shelf" as storage_location,
  t.executed as executed_on,
  t."Received" as received_on,
  t."Released" as released_on,
  t."Released To" as released_to,
  case t."Status" when 'H' then 'held' when 'L' then 'out_on_loan' when 'R' then 'released' when 'D' then 'destroyed' else t."Status" end as status,
  {'executed_on': case when t."Date Executed" <> '' and t.executed is null then t."Date Executed" end} as unreadable
from items as t
