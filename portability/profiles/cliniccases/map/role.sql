select
  cast(g.id as varchar) as id,
  'cm_groups/' || g.id as source_key,
  coalesce(nullif(g.group_title, ''), g.group_name) as name,
  'role' as kind,
  g.group_description as description,
  {
    'add_cases': g.add_cases, 'delete_cases': g.delete_cases, 'edit_cases': g.edit_cases,
    'close_cases': g.close_cases, 'view_all_cases': g.view_all_cases, 'assign_cases': g.assign_cases,
    'view_users': g.view_users, 'add_users': g.add_users, 'delete_users': g.delete_users,
    'edit_users': g.edit_users, 'activate_users': g.activate_users, 'add_case_notes': g.add_case_notes,
    'edit_case_notes': g.edit_case_notes, 'delete_case_notes': g.delete_case_notes,
    'documents_upload': g.documents_upload, 'documents_modify': g.documents_modify, 'add_events': g.add_events,
    'edit_events': g.edit_events, 'delete_events': g.delete_events, 'add_contacts': g.add_contacts,
    'edit_contacts': g.edit_contacts, 'delete_contacts': g.delete_contacts, 'post_in_board': g.post_in_board,
    'view_board': g.view_board, 'edit_posts': g.edit_posts, 'reads_journals': g.reads_journals,
    'writes_journals': g.writes_journals, 'change_permissions': g.change_permissions,
    'can_configure': g.can_configure, 'supervises': g.supervises, 'is_supervised': g.is_supervised,
    'tabs': regexp_extract_all(g.allowed_tabs, '"([^"]*)"', 1)
  } as permissions,
  true as is_active,
  {'group_name': g.group_name} as extras
from source.cm_groups as g
