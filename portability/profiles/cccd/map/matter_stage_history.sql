select
  cast(t.id as varchar) as id,
  'claim_state_transitions/' || t.id as source_key,
  cast(t.claim_id as varchar) as matter_id,
  t."to" as stage,
  t."from" as previous_stage,
  from_utc(t.created_at) as entered_at,
  cast(t.author_id as varchar) as changed_by_id,
  -- a YAML list of codes
  array_to_string(regexp_extract_all(t.reason_code, '- ([a-z0-9_]+)', 1), ', ') as outcome,
  t.reason_text as comment,
  {'event': t.event, 'namespace': t.namespace, 'subject_id': t.subject_id, 'reason_code': t.reason_code} as extras
from source.claim_state_transitions as t
