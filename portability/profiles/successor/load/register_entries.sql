-- Five registers of the model are one list here; what only one of them has is in `details`, amounts as their exact text.
select
  'conflict/' || k.id as _id,
  'conflict' as register,
  k.matter_id as matter_id,
  k.client_id as client_id,
  cast(null as varchar) as party_id,
  k.checked_by_id as staff_id,
  'search' as kind,
  k.status as state,
  cast(null as date) as entered_on,
  timezone('UTC', k.checked_at) as entered_at,
  cast(null as date) as due_on,
  cast(null as date) as closed_on,
  cast(null as decimal(19, 4)) as amount,
  k.reason as wording,
  json_merge_patch('{}', to_json({
    'terms': cast(k.search_terms as json), 'hits': cast(k.results as json), 'decided_at': timezone('UTC', k.decided_at)
  })) as details
from conflict_check as k
where not k.is_deleted
union all
select
  'undertaking/' || u.id,
  'undertaking',
  u.matter_id,
  null,
  u.counterparty_contact_id,
  u.given_by_user_id,
  u.direction,
  u.status,
  u.given_on,
  null,
  u.due_on,
  u.discharged_on,
  u.amount,
  u.text,
  json_merge_patch('{}', to_json({'financial': u.is_financial, 'currency': u.currency}))
from undertaking as u
where not u.is_deleted
union all
select
  'complaint/' || c.id,
  'complaint',
  c.matter_id,
  c.client_id,
  c.complainant_contact_id,
  c.handler_user_id,
  coalesce(c.category, 'complaint'),
  c.status,
  c.received_on,
  null,
  null,
  c.resolved_on,
  c.redress_amount,
  c.summary,
  json_merge_patch('{}', to_json({
    'category': c.category, 'responded_on': c.responded_on, 'outcome': c.outcome, 'ombudsman': c.ombudsman_reference,
    'insurer_told_on': c.insurer_notified_on
  }))
from complaint as c
where not c.is_deleted
union all
select
  'deed/' || d.id,
  'deed',
  d.matter_id,
  d.client_id,
  null,
  null,
  d.item_type,
  d.status,
  d.received_on,
  null,
  null,
  d.released_on,
  null,
  d.description,
  json_merge_patch('{}', to_json({
    'packet': d.packet_number, 'place': d.storage_location, 'executed_on': d.executed_on, 'released_to': d.released_to,
    'executors': cast(d.executors as json)
  }))
from deed_item as d
where not d.is_deleted
union all
select
  'consent/' || s.id,
  'consent',
  null,
  null,
  s.contact_id,
  null,
  s.purpose,
  s.status,
  null,
  timezone('UTC', s.given_at),
  null,
  null,
  null,
  s.wording,
  json_merge_patch('{}', to_json({'withdrawn_at': timezone('UTC', s.withdrawn_at), 'how': s.source}))
from consent as s
where not s.is_deleted
