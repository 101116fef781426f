with
assessed as (
  select d.*, row_number() over (partition by d.claim_id order by d.id) as place
  from source.determinations as d
  where d.claim_id in (select c.id from source.claims as c)
),
transfers as (
  select t.*, row_number() over (partition by t.claim_id order by t.id) - 1 as place
  from source.transfer_details as t
  where t.claim_id in (select c.id from source.claims as c)
),
warrants as (
  select i.*, row_number() over (partition by i.claim_id order by i.id) - 1 as place
  from source.interim_claim_info as i
  where i.claim_id in (select c.id from source.claims as c)
),
held as (
  select 'determinations' as place, id, 'type' as name, 'bill' as entity, claim_id, place as record,
  type as text, null as money, null as yes
  from assessed
  union all select 'determinations', id, 'fees', 'bill', claim_id, place, null, cast(fees as varchar), null
    from assessed
  union all select 'determinations', id, 'expenses', 'bill', claim_id, place, null, cast(expenses as varchar), null
    from assessed
  union all select 'determinations', id, 'disbursements', 'bill', claim_id, place, null,
    cast(disbursements as varchar), null from assessed
  union all select 'determinations', id, 'total', 'bill', claim_id, place, null, cast(total as varchar), null
    from assessed
  -- a float: its shortest text is what the screen showed
  union all select 'determinations', id, 'vat_amount', 'bill', claim_id, place, null, cast(vat_amount as varchar),
    null from assessed
  union all select 'transfer_details', id, 'litigator_type', 'matter', claim_id, place, litigator_type, null, null
    from transfers
  union all select 'transfer_details', id, 'elected_case', 'matter', claim_id, place, null, null, elected_case
    from transfers
  union all select 'transfer_details', id, 'transfer_stage_id', 'matter', claim_id, place, null,
    cast(transfer_stage_id as varchar), null from transfers
  union all select 'transfer_details', id, 'case_conclusion_id', 'matter', claim_id, place, null,
    cast(case_conclusion_id as varchar), null from transfers
  union all select 'interim_claim_info', id, 'warrant_fee_paid', 'matter', claim_id, place, null, null,
    warrant_fee_paid from warrants
)
select
  h.place || '/' || h.id || '/' || h.name as id,
  h.place || '/' || h.id as source_key,
  h.place || '.' || h.name as definition_id,
  h.entity,
  cast(h.claim_id as varchar) as entity_id,
  h.record as record_number,
  coalesce(h.text, case when exact_money(h.money) is null then h.money end) as value_string,
  exact_money(h.money) as value_decimal,
  h.yes as value_bool,
  h.money as value_raw,
  from_utc(d.created_at) as created_at,
  from_utc(d.updated_at) as updated_at
from held as h
left join source.determinations as d on h.place = 'determinations' and d.id = h.id
where h.text is not null or h.money is not null or h.yes is not null
