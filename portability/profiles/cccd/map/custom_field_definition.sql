-- What a claim's or a bill's side tables hold beyond the model, as fields of our making.
with fields as (
  select 'determinations.type' as code, 'bill' as entity, 'Assessment or redetermination' as label,
  'string' as kind, true as repeats
  union all select 'determinations.fees', 'bill', 'Fees assessed', 'money', true
  union all select 'determinations.expenses', 'bill', 'Expenses assessed', 'money', true
  union all select 'determinations.disbursements', 'bill', 'Disbursements assessed', 'money', true
  union all select 'determinations.total', 'bill', 'Total assessed, net', 'money', true
  union all select 'determinations.vat_amount', 'bill', 'VAT on the total assessed', 'money', true
  union all select 'transfer_details.litigator_type', 'matter', 'Litigator: new or original', 'string', false
  union all select 'transfer_details.elected_case', 'matter', 'Elected case', 'bool', false
  union all select 'transfer_details.transfer_stage_id', 'matter', 'Stage of the transfer', 'number', false
  union all select 'transfer_details.case_conclusion_id', 'matter', 'How the case concluded', 'number', false
  union all select 'interim_claim_info.warrant_fee_paid', 'matter', 'Warrant fee paid', 'bool', false
)
select
  f.code as id,
  '$profile/' || f.code as source_key,
  f.entity as applies_to,
  f.code,
  f.label,
  split_part(f.code, '.', 1) as group_code,
  f.kind as data_type,
  f.repeats as is_repeating,
  case when f.kind = 'money' then 'financial' else 'none' end as pd_class,
  true as is_active
from fields as f
