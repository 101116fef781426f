select
  cast(t.UT_ID as varchar) as id,
  'UNDERTKG/' || t.UT_ID as source_key,
  cast(t.MTR_ID as varchar) as matter_id,
  case t.DIRN when 'G' then 'given' when 'R' then 'received' else t.DIRN end as direction,
  cast(t.GIVEN_BY as varchar) as given_by_user_id,
  cast(t.TO_CT as varchar) as counterparty_contact_id,
  t.TERMS as text,
  t.GIVEN_DT as given_on,
  t.DUE_DT as due_on,
  t.AMT is not null as is_financial,
  t.AMT as amount,
  case when t.AMT is not null then 'GBP' end as currency,
  t.DISCH_DT as discharged_on,
  case t.STATUS when 'O' then 'outstanding' when 'D' then 'discharged' when 'R' then 'released' when 'B' then 'breached' else t.STATUS end
    as status
from source.UNDERTKG as t
