-- The successor's tables. Words in capitals between braces are spelt for each DBMS by dialects.py.
--
-- A practice system as one would build it now: keys that mean nothing (integers where people see them, UUIDs elsewhere),
-- people and organisations apart, an address as street lines and a country code, one signed posting for each line of a
-- journal in whole pence, time in minutes, bytes in an object store, key dates and tasks on one list, registers on one
-- list, tags and custom fields as JSON. It is stricter than the systems before it: numbers are unique, every journal has
-- an entity, what must be there is NOT NULL.

-- --- what the system brings itself

CREATE TABLE countries (
  code char(2) NOT NULL PRIMARY KEY,
  name varchar(80) NOT NULL UNIQUE
);

CREATE TABLE matter_states (
  code varchar(20) NOT NULL PRIMARY KEY,
  label varchar(60) NOT NULL UNIQUE,
  is_live {FLAG} NOT NULL,
  position smallint NOT NULL
);

CREATE TABLE party_roles (
  id smallint NOT NULL PRIMARY KEY,
  code varchar(30) NOT NULL UNIQUE,
  label varchar(60) NOT NULL,
  is_opponent {FLAG} NOT NULL
);

CREATE TABLE tax_treatments (
  code varchar(4) NOT NULL PRIMARY KEY,
  label varchar(60) NOT NULL
);

-- --- the firm

CREATE TABLE legal_entities (
  id {IDENTITY} PRIMARY KEY,
  name varchar(200) NOT NULL,
  form varchar(20),
  regulator varchar(20),
  regulator_number varchar(40),
  company_number varchar(40),
  vat_number varchar(40),
  vat_scheme varchar(20),
  currency char(3) NOT NULL,
  year_end_month smallint CHECK (year_end_month BETWEEN 1 AND 12),
  year_end_day smallint CHECK (year_end_day BETWEEN 1 AND 31),
  time_zone varchar(60) NOT NULL,
  unit_minutes smallint CHECK (unit_minutes > 0)
);

CREATE TABLE branches (
  id {UUID} NOT NULL PRIMARY KEY,
  legal_entity_id integer NOT NULL REFERENCES legal_entities (id),
  code varchar(20),
  name varchar(120) NOT NULL,
  address {PROSE},
  postcode varchar(20),
  country_code char(2) REFERENCES countries (code),
  telephone varchar(60),
  dx varchar(80),
  legal_aid_account varchar(20),
  regulator_number varchar(40),
  is_open {FLAG} NOT NULL,
  UNIQUE (legal_entity_id, code)
);

CREATE TABLE staff (
  id {IDENTITY} PRIMARY KEY,
  legal_entity_id integer NOT NULL REFERENCES legal_entities (id),
  branch_id {UUID} REFERENCES branches (id),
  username varchar(120),
  display_name varchar(160) NOT NULL,
  given_name varchar(120),
  family_name varchar(120),
  initials varchar(12),
  email varchar(254),
  telephone varchar(60),
  is_timekeeper {FLAG} NOT NULL,
  timekeeper_code varchar(20),
  grade varchar(12),
  ledes_class varchar(10),
  regulator_number varchar(40),
  job_title varchar(120),
  manager_id integer REFERENCES staff (id),
  hourly_rate_pence bigint CHECK (hourly_rate_pence >= 0),
  employment varchar(12) NOT NULL CHECK (employment IN ('employed', 'left', 'suspended', 'robot')),
  joined_on date,
  left_on date,
  custom {JSON}
);

CREATE TABLE roles (
  id {IDENTITY} PRIMARY KEY,
  name varchar(120) NOT NULL,
  kind varchar(20) NOT NULL,
  description {PROSE},
  permissions {JSON},
  is_active {FLAG} NOT NULL
);

CREATE TABLE staff_roles (
  staff_id integer NOT NULL REFERENCES staff (id),
  role_id integer NOT NULL REFERENCES roles (id),
  since {INSTANT},
  until {INSTANT},
  PRIMARY KEY (staff_id, role_id)
);

CREATE TABLE work_types (
  id {IDENTITY} PRIMARY KEY,
  code varchar(20) NOT NULL,
  name varchar(160) NOT NULL,
  parent_id integer REFERENCES work_types (id),
  department varchar(120),
  is_contentious {FLAG},
  is_reserved {FLAG},
  keep_years smallint,
  is_active {FLAG} NOT NULL
);

CREATE TABLE tax_rates (
  id {IDENTITY} PRIMARY KEY,
  treatment_code varchar(4) NOT NULL REFERENCES tax_treatments (code),
  label varchar(60) NOT NULL,
  basis_points integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
  valid_from date,
  valid_to date
);

CREATE TABLE code_items (
  id {IDENTITY} PRIMARY KEY,
  list varchar(60) NOT NULL,
  code varchar(60) NOT NULL,
  label varchar(200) NOT NULL,
  position integer,
  is_active {FLAG} NOT NULL,
  UNIQUE (list, code)
);

CREATE TABLE custom_fields (
  id {IDENTITY} PRIMARY KEY,
  field_key varchar(120) NOT NULL UNIQUE,
  applies_to varchar(40) NOT NULL,
  name varchar(60) NOT NULL,
  label varchar(200) NOT NULL,
  section varchar(120),
  kind varchar(20) NOT NULL,
  repeats {FLAG} NOT NULL,
  options {JSON},
  privacy varchar(20) NOT NULL,
  position integer,
  is_active {FLAG} NOT NULL
);

-- --- parties

CREATE TABLE parties (
  id {UUID} NOT NULL PRIMARY KEY,
  kind varchar(12) NOT NULL CHECK (kind IN ('person', 'organisation', 'group', 'unknown')),
  display_name varchar(300) NOT NULL,
  salutation varchar(160),
  is_vulnerable {FLAG},
  bank_details {JSON},
  notes {PROSE},
  merged_into_id {UUID} REFERENCES parties (id),
  custom {JSON},
  created_at {INSTANT},
  created_by integer REFERENCES staff (id),
  deleted_at {INSTANT},
  is_deleted {FLAG} NOT NULL
);

CREATE TABLE persons (
  party_id {UUID} NOT NULL PRIMARY KEY REFERENCES parties (id),
  prefix varchar(40),
  given_names varchar(200),
  family_name varchar(160),
  suffix varchar(60),
  known_as varchar(120),
  born_on date,
  died_on date,
  national_insurance_number varchar(20),
  nationality varchar(60),
  occupation varchar(160)
);

CREATE TABLE organisations (
  party_id {UUID} NOT NULL PRIMARY KEY REFERENCES parties (id),
  kind varchar(20) NOT NULL CHECK (kind IN ('company', 'court', 'public_body', 'trust')),
  registered_name varchar(300),
  trading_name varchar(300),
  registration_number varchar(40),
  vat_number varchar(40),
  charity_number varchar(40)
);

CREATE TABLE addresses (
  id {BIGIDENTITY} PRIMARY KEY,
  party_id {UUID} NOT NULL REFERENCES parties (id),
  usage_code varchar(20) NOT NULL,
  street {PROSE},
  locality varchar(120),
  region varchar(120),
  postcode varchar(20),
  country_code char(2) REFERENCES countries (code),
  dx varchar(80),
  is_preferred {FLAG} NOT NULL,
  valid_from date,
  valid_to date
);

CREATE TABLE channels (
  id {BIGIDENTITY} PRIMARY KEY,
  party_id {UUID} NOT NULL REFERENCES parties (id),
  medium varchar(12) NOT NULL CHECK (medium IN ('voice', 'mobile', 'fax', 'email', 'web', 'message', 'other')),
  label varchar(60),
  value varchar(320) NOT NULL,
  normalised varchar(320),
  is_preferred {FLAG} NOT NULL
);

CREATE TABLE relationships (
  id {BIGIDENTITY} PRIMARY KEY,
  party_id {UUID} NOT NULL REFERENCES parties (id),
  other_party_id {UUID} NOT NULL REFERENCES parties (id),
  kind varchar(30) NOT NULL,
  wording varchar(200),
  valid_from date,
  valid_to date
);

CREATE TABLE clients (
  id {IDENTITY} PRIMARY KEY,
  party_id {UUID} NOT NULL REFERENCES parties (id),
  legal_entity_id integer NOT NULL REFERENCES legal_entities (id),
  account_number varchar(30) NOT NULL,
  kind varchar(20) NOT NULL,
  state varchar(12) NOT NULL CHECK (state IN ('prospect', 'live', 'dormant', 'past', 'declined')),
  partner_id integer REFERENCES staff (id),
  branch_id {UUID} REFERENCES branches (id),
  taken_on date,
  ended_on date,
  source varchar(60),
  introducer_id {UUID} REFERENCES parties (id),
  ebilling_id varchar(60),
  credit_limit numeric(14,2) CHECK (credit_limit >= 0),
  terms_sent_on date,
  is_placeholder {FLAG} NOT NULL,
  notes {PROSE},
  custom {JSON},
  is_deleted {FLAG} NOT NULL,
  UNIQUE (legal_entity_id, account_number)
);

-- --- matters

CREATE TABLE matters (
  id {UUID} NOT NULL PRIMARY KEY,
  legal_entity_id integer NOT NULL REFERENCES legal_entities (id),
  reference varchar(40) NOT NULL,
  client_id integer NOT NULL REFERENCES clients (id),
  work_type_id integer REFERENCES work_types (id),
  name varchar(300) NOT NULL,
  description {PROSE},
  state_code varchar(20) NOT NULL REFERENCES matter_states (code),
  stage varchar(120),
  handler_id integer REFERENCES staff (id),
  partner_id integer REFERENCES staff (id),
  branch_id {UUID} REFERENCES branches (id),
  parent_id {UUID} REFERENCES matters (id),
  opened_on date,
  closed_on date,
  client_reference varchar(120),
  court varchar(200),
  court_reference varchar(60),
  value_in_dispute numeric(14,2),
  currency char(3) NOT NULL,
  charging varchar(20),
  funding varchar(24),
  fixed_fee numeric(14,2),
  estimate numeric(14,2),
  estimate_on date,
  risk smallint CHECK (risk BETWEEN 1 AND 3),
  is_restricted {FLAG} NOT NULL,
  folder varchar(300),
  notes {PROSE},
  tags {JSON},
  retention {JSON},
  custom {JSON},
  created_at {INSTANT},
  created_by integer REFERENCES staff (id),
  changed_at {INSTANT},
  deleted_at {INSTANT},
  is_deleted {FLAG} NOT NULL,
  UNIQUE (legal_entity_id, reference)
);

CREATE TABLE barriers (
  id {IDENTITY} PRIMARY KEY,
  staff_id integer NOT NULL REFERENCES staff (id),
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  is_deny {FLAG} NOT NULL,
  permission varchar(40),
  reason {PROSE},
  since {INSTANT},
  until {INSTANT}
);

CREATE TABLE matter_team (
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  staff_id integer NOT NULL REFERENCES staff (id),
  duty varchar(20) NOT NULL,
  split_percent numeric(9,4) CHECK (split_percent BETWEEN 0 AND 100),
  since date,
  until date,
  PRIMARY KEY (matter_id, staff_id, duty)
);

CREATE TABLE matter_parties (
  id {BIGIDENTITY} PRIMARY KEY,
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  party_id {UUID} NOT NULL REFERENCES parties (id),
  role_id smallint NOT NULL REFERENCES party_roles (id),
  wording varchar(120),
  representative_id bigint REFERENCES matter_parties (id),
  reference varchar(120),
  is_adverse {FLAG},
  pays_bills {FLAG},
  position integer,
  notes {PROSE}
);

CREATE TABLE matter_stages (
  id {BIGIDENTITY} PRIMARY KEY,
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  stage varchar(120) NOT NULL,
  came_from varchar(120),
  entered_at {INSTANT} NOT NULL,
  left_at {INSTANT},
  staff_id integer REFERENCES staff (id),
  remark {PROSE}
);

CREATE TABLE due_diligence (
  id {UUID} NOT NULL PRIMARY KEY,
  party_id {UUID} NOT NULL REFERENCES parties (id),
  matter_id {UUID} REFERENCES matters (id),
  kind varchar(30) NOT NULL,
  level varchar(12),
  provider varchar(120),
  provider_reference varchar(120),
  done_at {INSTANT},
  done_by integer REFERENCES staff (id),
  outcome varchar(14) NOT NULL,
  renew_on date,
  evidence {JSON},
  notes {PROSE}
);

-- Conflict searches, undertakings, complaints, deeds and consents: one register, its particulars in `details`.
CREATE TABLE register_entries (
  id {UUID} NOT NULL PRIMARY KEY,
  register varchar(12) NOT NULL CHECK (register IN ('conflict', 'undertaking', 'complaint', 'deed', 'consent')),
  matter_id {UUID} REFERENCES matters (id),
  client_id integer REFERENCES clients (id),
  party_id {UUID} REFERENCES parties (id),
  staff_id integer REFERENCES staff (id),
  kind varchar(40) NOT NULL,
  state varchar(20) NOT NULL,
  entered_on date,
  entered_at {INSTANT},
  due_on date,
  closed_on date,
  amount numeric(14,2),
  wording {PROSE},
  details {JSON} NOT NULL
);

-- --- work

-- Tasks and key dates: a key date is a task with a day that the law cares for.
CREATE TABLE work_items (
  id {UUID} NOT NULL PRIMARY KEY,
  kind varchar(12) NOT NULL CHECK (kind IN ('task', 'key_date')),
  category varchar(30),
  matter_id {UUID} REFERENCES matters (id),
  client_id integer REFERENCES clients (id),
  title varchar(300) NOT NULL,
  details {PROSE},
  owner_id integer REFERENCES staff (id),
  set_by integer REFERENCES staff (id),
  urgency smallint CHECK (urgency BETWEEN 1 AND 4),
  is_critical {FLAG} NOT NULL,
  state varchar(12) NOT NULL CHECK (state IN ('todo', 'doing', 'done', 'dropped', 'missed')),
  due_on date,
  due_at {INSTANT},
  remind_days integer,
  done_at {INSTANT},
  done_by integer REFERENCES staff (id),
  parent_id {UUID} REFERENCES work_items (id),
  CHECK (kind <> 'key_date' OR due_on IS NOT NULL)
);

CREATE TABLE diary_entries (
  id {UUID} NOT NULL PRIMARY KEY,
  matter_id {UUID} REFERENCES matters (id),
  title varchar(300) NOT NULL,
  details {PROSE},
  kind varchar(20),
  starts_at {INSTANT} NOT NULL,
  ends_at {INSTANT},
  time_zone varchar(60),
  all_day {FLAG} NOT NULL,
  first_day date,
  last_day date,
  place varchar(200),
  attendees {JSON},
  owner_id integer REFERENCES staff (id),
  state varchar(12) NOT NULL,
  CHECK (ends_at >= starts_at)
);

-- --- money

CREATE TABLE rate_lines (
  id {IDENTITY} PRIMARY KEY,
  card varchar(40) NOT NULL,
  label varchar(120),
  staff_id integer REFERENCES staff (id),
  grade varchar(12),
  amount_pence bigint NOT NULL,
  per varchar(10) NOT NULL,
  currency char(3) NOT NULL,
  valid_from date,
  valid_to date
);

CREATE TABLE accounts (
  id {IDENTITY} PRIMARY KEY,
  legal_entity_id integer REFERENCES legal_entities (id),
  code varchar(40) NOT NULL,
  name varchar(200) NOT NULL,
  book varchar(6) NOT NULL CHECK (book IN ('client', 'office')),
  kind varchar(20) NOT NULL,
  matter_id {UUID} REFERENCES matters (id),
  client_id integer REFERENCES clients (id),
  currency char(3) NOT NULL,
  stated_pence bigint,
  is_open {FLAG} NOT NULL,
  UNIQUE (legal_entity_id, code)
);

CREATE TABLE bank_accounts (
  id {IDENTITY} PRIMARY KEY,
  account_id integer UNIQUE REFERENCES accounts (id),
  branch_id {UUID} REFERENCES branches (id),
  kind varchar(20) NOT NULL,
  name varchar(200) NOT NULL,
  bank varchar(120),
  sort_code char(6),
  account_number varchar(12),
  iban varchar(34),
  bic varchar(11),
  currency char(3) NOT NULL,
  matter_id {UUID} REFERENCES matters (id),
  opened_on date,
  closed_on date,
  stated_pence bigint,
  is_open {FLAG} NOT NULL
);

CREATE TABLE invoices (
  id {IDENTITY} PRIMARY KEY,
  legal_entity_id integer NOT NULL REFERENCES legal_entities (id),
  number varchar(40),
  kind varchar(20) NOT NULL,
  state varchar(12) NOT NULL CHECK (state IN ('draft', 'approved', 'sent', 'part_paid', 'settled', 'bad_debt', 'void')),
  client_id integer NOT NULL REFERENCES clients (id),
  matter_id {UUID} REFERENCES matters (id),
  payer_id {UUID} REFERENCES parties (id),
  staff_id integer REFERENCES staff (id),
  dated_on date,
  tax_point date,
  due_on date,
  delivered_on date,
  currency char(3) NOT NULL,
  fees numeric(14,2) NOT NULL,
  expenses numeric(14,2) NOT NULL,
  discount numeric(14,2) NOT NULL,
  rounding numeric(14,2) NOT NULL,
  tax numeric(14,2) NOT NULL,
  gross numeric(14,2) NOT NULL,
  stated_paid numeric(14,2),
  stated_written_off numeric(14,2),
  stated_open numeric(14,2),
  credits_id integer REFERENCES invoices (id),
  narrative {PROSE},
  purchase_order varchar(60),
  UNIQUE (legal_entity_id, number),
  CHECK (abs(gross - (fees + expenses - discount + tax + rounding)) < 0.005)
);

CREATE TABLE invoice_lines (
  id {BIGIDENTITY} PRIMARY KEY,
  invoice_id integer NOT NULL REFERENCES invoices (id),
  position smallint NOT NULL,
  matter_id {UUID} REFERENCES matters (id),
  kind varchar(14) NOT NULL,
  text {PROSE},
  dated_on date,
  staff_id integer REFERENCES staff (id),
  quantity numeric(12,4),
  price numeric(14,4),
  net numeric(14,2) NOT NULL,
  tax numeric(14,2) NOT NULL,
  gross numeric(14,2) NOT NULL,
  tax_rate_id integer REFERENCES tax_rates (id),
  UNIQUE (invoice_id, position)
);

CREATE TABLE time_records (
  id {BIGIDENTITY} PRIMARY KEY,
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  staff_id integer NOT NULL REFERENCES staff (id),
  worked_on date NOT NULL,
  started_at {INSTANT},
  ended_at {INSTANT},
  minutes numeric(12,4) NOT NULL,
  billable_minutes numeric(12,4),
  hourly_rate_pence bigint,
  value_pence bigint NOT NULL,
  currency char(3) NOT NULL,
  activity varchar(60),
  narrative {PROSE},
  state varchar(14) NOT NULL CHECK (state IN ('draft', 'open', 'on_invoice', 'invoiced', 'written_off', 'not_billable')),
  invoice_line_id bigint REFERENCES invoice_lines (id),
  tax_rate_id integer REFERENCES tax_rates (id),
  created_at {INSTANT}
);

CREATE TABLE journals (
  id {UUID} NOT NULL PRIMARY KEY,
  number varchar(40),
  kind varchar(20) NOT NULL,
  posted_on date NOT NULL,
  keyed_at {INSTANT},
  keyed_by integer REFERENCES staff (id),
  authorised_by integer REFERENCES staff (id),
  matter_id {UUID} REFERENCES matters (id),
  reference varchar(120),
  narrative {PROSE},
  payee_id {UUID} REFERENCES parties (id),
  period char(7),
  reverses_id {UUID} REFERENCES journals (id),
  invoice_id integer REFERENCES invoices (id)
);

-- One line, one sign: a debit is above zero, a credit below.
CREATE TABLE postings (
  journal_id {UUID} NOT NULL REFERENCES journals (id),
  position integer NOT NULL,
  account_id integer NOT NULL REFERENCES accounts (id),
  amount_pence bigint NOT NULL,
  posted_on date NOT NULL,
  account_sequence integer NOT NULL,
  stated_balance_pence bigint,
  tax_rate_id integer REFERENCES tax_rates (id),
  cleared_on date,
  text {PROSE},
  PRIMARY KEY (journal_id, position)
);

CREATE TABLE expenses (
  id {BIGIDENTITY} PRIMARY KEY,
  matter_id {UUID} NOT NULL REFERENCES matters (id),
  category varchar(60),
  text {PROSE} NOT NULL,
  supplier_id {UUID} REFERENCES parties (id),
  supplier_invoice varchar(60),
  incurred_on date NOT NULL,
  quantity numeric(12,4),
  price numeric(14,4),
  net_pence bigint NOT NULL,
  tax_pence bigint NOT NULL,
  gross_pence bigint NOT NULL,
  currency char(3) NOT NULL,
  tax_rate_id integer REFERENCES tax_rates (id),
  is_anticipated {FLAG} NOT NULL,
  paid_on date,
  paid_from varchar(6),
  state varchar(14) NOT NULL CHECK (state IN ('expected', 'open', 'on_invoice', 'invoiced', 'settled', 'written_off')),
  invoice_line_id bigint REFERENCES invoice_lines (id),
  journal_id {UUID} REFERENCES journals (id),
  CHECK (gross_pence = net_pence + tax_pence)
);

CREATE TABLE receipts (
  id {UUID} NOT NULL PRIMARY KEY,
  direction varchar(10) NOT NULL,
  dated_on date NOT NULL,
  client_id integer REFERENCES clients (id),
  matter_id {UUID} REFERENCES matters (id),
  payer_id {UUID} REFERENCES parties (id),
  amount numeric(14,2) NOT NULL CHECK (amount >= 0),
  currency char(3) NOT NULL,
  method varchar(12),
  reference varchar(120),
  book varchar(6),
  bank_account_id integer REFERENCES bank_accounts (id),
  journal_id {UUID} REFERENCES journals (id),
  state varchar(10) NOT NULL CHECK (state IN ('expected', 'cleared', 'bounced')),
  notes {PROSE}
);

CREATE TABLE settlements (
  id {BIGIDENTITY} PRIMARY KEY,
  receipt_id {UUID} REFERENCES receipts (id),
  credit_invoice_id integer REFERENCES invoices (id),
  invoice_id integer NOT NULL REFERENCES invoices (id),
  amount numeric(14,2) NOT NULL,
  settled_on date,
  undone_on date,
  CHECK (receipt_id IS NOT NULL OR credit_invoice_id IS NOT NULL)
);

CREATE TABLE write_offs (
  id {UUID} NOT NULL PRIMARY KEY,
  kind varchar(24) NOT NULL,
  matter_id {UUID} REFERENCES matters (id),
  time_record_id bigint REFERENCES time_records (id),
  expense_id bigint REFERENCES expenses (id),
  invoice_id integer REFERENCES invoices (id),
  net numeric(14,2) NOT NULL,
  tax numeric(14,2) NOT NULL,
  written_off_on date NOT NULL,
  authorised_by integer REFERENCES staff (id),
  reason {PROSE},
  journal_id {UUID} REFERENCES journals (id)
);

CREATE TABLE reconciliations (
  id {IDENTITY} PRIMARY KEY,
  bank_account_id integer NOT NULL REFERENCES bank_accounts (id),
  as_at date NOT NULL,
  statement_balance numeric(14,2) NOT NULL,
  book_balance numeric(14,2) NOT NULL,
  client_ledgers numeric(14,2),
  unpresented numeric(14,2),
  outstanding numeric(14,2),
  difference numeric(14,2) NOT NULL,
  prepared_by integer REFERENCES staff (id),
  signed_by integer REFERENCES staff (id),
  signed_at {INSTANT},
  UNIQUE (bank_account_id, as_at)
);

-- --- paper

CREATE TABLE objects (
  bucket varchar(60) NOT NULL,
  object_key varchar(200) NOT NULL,
  sha256 char(64) NOT NULL,
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  media_type varchar(120),
  PRIMARY KEY (bucket, object_key)
);

CREATE TABLE messages (
  id {UUID} NOT NULL PRIMARY KEY,
  matter_id {UUID} REFERENCES matters (id),
  message_id varchar(300),
  in_reply_to varchar(300),
  thread varchar(300),
  direction varchar(8) NOT NULL,
  sender varchar(320),
  recipients {JSON},
  copies {JSON},
  blind_copies {JSON},
  subject varchar(998),
  sent_at {INSTANT},
  received_at {INSTANT},
  body {PROSE},
  body_html {PROSE},
  bucket varchar(60),
  object_key varchar(200),
  attachments integer,
  filed_by integer REFERENCES staff (id),
  party_id {UUID} REFERENCES parties (id),
  custom {JSON},
  FOREIGN KEY (bucket, object_key) REFERENCES objects (bucket, object_key)
);

CREATE TABLE documents (
  id {UUID} NOT NULL PRIMARY KEY,
  matter_id {UUID} REFERENCES matters (id),
  client_id integer REFERENCES clients (id),
  party_id {UUID} REFERENCES parties (id),
  title varchar(300) NOT NULL,
  file_name varchar(255) NOT NULL,
  folder varchar(500),
  class varchar(24),
  category varchar(120),
  direction varchar(8),
  dated_on date,
  author_id integer REFERENCES staff (id),
  current_version integer,
  message_id {UUID} REFERENCES messages (id),
  parent_id {UUID} REFERENCES documents (id),
  link {PROSE},
  summary {PROSE},
  is_locked {FLAG} NOT NULL,
  is_binned {FLAG} NOT NULL,
  custom {JSON},
  created_at {INSTANT},
  is_deleted {FLAG} NOT NULL
);

CREATE TABLE document_versions (
  document_id {UUID} NOT NULL REFERENCES documents (id),
  version integer NOT NULL,
  label varchar(60),
  bucket varchar(60),
  object_key varchar(200),
  presence varchar(10) NOT NULL CHECK (presence IN ('stored', 'missing', 'unreadable', 'elsewhere', 'withheld')),
  media_type varchar(120),
  stated_size bigint,
  stated_checksum varchar(140),
  origin {PROSE},
  made_by integer REFERENCES staff (id),
  made_at {INSTANT},
  comment {PROSE},
  PRIMARY KEY (document_id, version),
  FOREIGN KEY (bucket, object_key) REFERENCES objects (bucket, object_key),
  CHECK ((presence = 'stored') = (object_key IS NOT NULL))
);

CREATE TABLE notes (
  id {UUID} NOT NULL PRIMARY KEY,
  matter_id {UUID} REFERENCES matters (id),
  client_id integer REFERENCES clients (id),
  party_id {UUID} REFERENCES parties (id),
  kind varchar(16) NOT NULL,
  subject varchar(300),
  body {PROSE} NOT NULL,
  format varchar(10) NOT NULL,
  noted_at {INSTANT} NOT NULL,
  author_id integer REFERENCES staff (id),
  minutes numeric(12,4),
  is_private {FLAG} NOT NULL,
  custom {JSON}
);

CREATE TABLE templates (
  id {IDENTITY} PRIMARY KEY,
  name varchar(200) NOT NULL,
  kind varchar(12) NOT NULL,
  folder varchar(300),
  work_type_id integer REFERENCES work_types (id),
  body {PROSE},
  merge_syntax varchar(60),
  version varchar(40),
  owner_id integer REFERENCES staff (id),
  is_active {FLAG} NOT NULL
);

CREATE TABLE audit_log (
  id {BIGIDENTITY} PRIMARY KEY,
  at {INSTANT} NOT NULL,
  staff_id integer REFERENCES staff (id),
  who varchar(160),
  action varchar(40) NOT NULL,
  matter_id {UUID} REFERENCES matters (id),
  subject varchar(60),
  text {PROSE},
  changes {JSON},
  address varchar(60)
);
