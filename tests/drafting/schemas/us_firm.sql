-- A small firm's system as an American vendor would write it: CamelCase, identity keys, clients that are people themselves,
-- trust accounting, no declared foreign keys on the older tables.
CREATE TABLE Attorneys (
  AttorneyID INTEGER PRIMARY KEY,
  FirstName TEXT NOT NULL,
  LastName TEXT NOT NULL,
  Initials TEXT,
  BarNumber TEXT,
  EmailAddress TEXT,
  HourlyRate DECIMAL(10,2),
  UserName TEXT UNIQUE,
  PasswordHash TEXT,
  IsActive BOOLEAN NOT NULL
);
CREATE TABLE PracticeAreas (PracticeAreaID INTEGER PRIMARY KEY, AreaName TEXT NOT NULL);
CREATE TABLE Clients (
  ClientID INTEGER PRIMARY KEY,
  ClientNumber TEXT NOT NULL UNIQUE,
  ClientType TEXT NOT NULL,
  FirstName TEXT,
  LastName TEXT,
  CompanyName TEXT,
  SSN TEXT,
  DateOfBirth DATE,
  StreetAddress TEXT,
  City TEXT,
  State TEXT,
  ZipCode TEXT,
  HomePhone TEXT,
  CellPhone TEXT,
  Email TEXT,
  Status TEXT NOT NULL,
  DateOpened DATE,
  Notes TEXT
);
CREATE TABLE Cases (
  CaseID INTEGER PRIMARY KEY,
  CaseNumber TEXT NOT NULL,
  ClientID INTEGER REFERENCES Clients (ClientID),
  PracticeAreaID INTEGER REFERENCES PracticeAreas (PracticeAreaID),
  LeadAttorneyID INTEGER REFERENCES Attorneys (AttorneyID),
  CaseName TEXT NOT NULL,
  CaseDescription TEXT,
  CaseStatus TEXT NOT NULL,
  Court TEXT,
  DocketNumber TEXT,
  DateOpened DATE NOT NULL,
  DateClosed DATE,
  StatuteOfLimitations DATE,
  ContingencyPercent DECIMAL(5,2)
);
CREATE TABLE OpposingParties (
  PartyID INTEGER PRIMARY KEY,
  CaseID INTEGER NOT NULL,
  PartyName TEXT NOT NULL,
  PartyRole TEXT,
  AttorneyName TEXT
);
CREATE TABLE TimeEntries (
  TimeEntryID INTEGER PRIMARY KEY,
  CaseID INTEGER NOT NULL,
  AttorneyID INTEGER NOT NULL,
  WorkDate DATE NOT NULL,
  Hours DECIMAL(6,2) NOT NULL,
  Rate DECIMAL(10,2) NOT NULL,
  Amount DECIMAL(12,2) NOT NULL,
  Narrative TEXT,
  ActivityCode TEXT,
  Billable BOOLEAN NOT NULL,
  InvoiceID INTEGER
);
CREATE TABLE Expenses (
  ExpenseID INTEGER PRIMARY KEY,
  CaseID INTEGER NOT NULL,
  ExpenseDate DATE NOT NULL,
  Vendor TEXT,
  Description TEXT NOT NULL,
  Amount DECIMAL(12,2) NOT NULL,
  CheckNumber TEXT
);
CREATE TABLE Invoices (
  InvoiceID INTEGER PRIMARY KEY,
  InvoiceNumber TEXT NOT NULL,
  CaseID INTEGER NOT NULL,
  InvoiceDate DATE NOT NULL,
  DueDate DATE,
  FeesTotal DECIMAL(12,2),
  ExpensesTotal DECIMAL(12,2),
  SalesTax DECIMAL(12,2),
  InvoiceTotal DECIMAL(12,2) NOT NULL,
  BalanceDue DECIMAL(12,2),
  InvoiceStatus TEXT NOT NULL
);
CREATE TABLE InvoiceLineItems (
  LineItemID INTEGER PRIMARY KEY,
  InvoiceID INTEGER NOT NULL,
  LineNumber INTEGER NOT NULL,
  ItemType TEXT NOT NULL,
  Description TEXT,
  Quantity DECIMAL(8,2),
  UnitPrice DECIMAL(10,2),
  LineAmount DECIMAL(12,2) NOT NULL
);
CREATE TABLE Payments (
  PaymentID INTEGER PRIMARY KEY,
  ClientID INTEGER NOT NULL,
  InvoiceID INTEGER,
  PaymentDate DATE NOT NULL,
  Amount DECIMAL(12,2) NOT NULL,
  PaymentMethod TEXT,
  CheckNumber TEXT
);
CREATE TABLE TrustTransactions (
  TransactionID INTEGER PRIMARY KEY,
  CaseID INTEGER NOT NULL,
  TransactionDate DATE NOT NULL,
  TransactionType TEXT NOT NULL,
  Payee TEXT,
  Memo TEXT,
  Amount DECIMAL(12,2) NOT NULL,
  RunningBalance DECIMAL(12,2)
);
CREATE TABLE CaseNotes (NoteID INTEGER PRIMARY KEY, CaseID INTEGER NOT NULL, AuthorID INTEGER, NoteDate DATETIME NOT NULL, Subject TEXT, NoteText TEXT NOT NULL);
CREATE TABLE Tasks (
  TaskID INTEGER PRIMARY KEY, CaseID INTEGER, AssignedTo INTEGER, TaskName TEXT NOT NULL, DueDate DATE, Priority TEXT, IsCompleted BOOLEAN NOT NULL,
  CompletedDate DATETIME
);
CREATE TABLE CalendarEvents (
  EventID INTEGER PRIMARY KEY, CaseID INTEGER, EventTitle TEXT NOT NULL, EventType TEXT, StartTime DATETIME NOT NULL, EndTime DATETIME, Location TEXT,
  AllDay BOOLEAN
);
CREATE TABLE Documents (
  DocumentID INTEGER PRIMARY KEY, CaseID INTEGER NOT NULL, DocumentName TEXT NOT NULL, FilePath TEXT NOT NULL, FileSize INTEGER, UploadedBy INTEGER,
  UploadDate DATETIME
);
CREATE TABLE CaseStatusLookup (StatusCode TEXT PRIMARY KEY, StatusName TEXT NOT NULL);
CREATE TABLE ReferralSources (ReferralSourceID INTEGER PRIMARY KEY, SourceName TEXT NOT NULL);
CREATE TABLE AuditLog (AuditID INTEGER PRIMARY KEY, UserID INTEGER, Action TEXT, TableName TEXT, RecordID INTEGER, LoggedAt DATETIME);
CREATE TABLE UserSessions (SessionKey TEXT PRIMARY KEY, UserID INTEGER, Expires DATETIME);
CREATE TABLE SchemaMigrations (Version TEXT PRIMARY KEY);
CREATE TABLE WidgetSettings (WidgetID INTEGER PRIMARY KEY, Color TEXT, Payload BLOB);

INSERT INTO Attorneys VALUES
  (1, 'Grace', 'Hopper', 'GH', 'TX-1001', 'grace@example.com', 350.00, 'ghopper', 'x1', 1),
  (2, 'Thurgood', 'Marsh', 'TM', 'TX-1002', 'tm@example.com', 275.50, 'tmarsh', 'x2', 0);
INSERT INTO PracticeAreas VALUES (1, 'Personal Injury'), (2, 'Family Law');
INSERT INTO Clients VALUES
  (1, 'C-0001', 'Individual', 'Ada', 'Bell', NULL, '123-45-6789', '1970-05-04', '12 Elm St', 'Austin', 'TX', '78701', '512-555-0100', NULL, 'ada@example.com',
   'Active', '2019-01-15', NULL),
  (2, 'C-0002', 'Business', NULL, NULL, 'Acme Widgets LLC', NULL, NULL, '500 Main', 'Dallas', 'TX', '75201', NULL, '214-555-0199', NULL, 'Closed', '2020-03-01',
   'Slow payer'),
  (3, 'C-0003', 'Individual', 'José', 'Núñez', NULL, NULL, '1988-12-31', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'Active', NULL, NULL);
INSERT INTO Cases VALUES
  (10, '2019-PI-001', 1, 1, 1, 'Bell v. Acme', 'Slip and fall', 'Open', 'Travis County', 'D-1-GN-19-000123', '2019-01-20', NULL, '2021-01-02', 33.33),
  (11, '2020-FL-002', 2, 2, 2, 'In re Acme', NULL, 'Closed', NULL, NULL, '2020-03-05', '2021-06-30', NULL, NULL),
  (12, '2021-PI-003', NULL, 1, 1, 'Unassigned intake', NULL, 'Pending', NULL, NULL, '2021-02-02', NULL, NULL, NULL);
INSERT INTO OpposingParties VALUES (1, 10, 'Acme Corp', 'Defendant', 'Roy Cohen'), (2, 11, 'State of Texas', 'Respondent', NULL);
INSERT INTO TimeEntries VALUES
  (1, 10, 1, '2019-01-21', 1.50, 350.00, 525.00, 'Initial interview', 'A101', 1, 100),
  (2, 10, 2, '2019-01-22', 0.10, 275.50, 27.55, 'Call', NULL, 0, NULL),
  (3, 11, 2, '2020-04-01', 2.25, 275.50, 619.88, NULL, 'A102', 1, 101);
INSERT INTO Expenses VALUES (1, 10, '2019-02-01', 'County Clerk', 'Filing fee', 300.00, '1042');
INSERT INTO Invoices VALUES
  (100, 'INV-100', 10, '2019-02-28', '2019-03-30', 525.00, 300.00, 0.00, 825.00, 0.00, 'Paid'),
  (101, 'INV-101', 11, '2020-04-30', NULL, 619.88, NULL, 51.14, 671.02, 671.02, 'Sent');
INSERT INTO InvoiceLineItems VALUES
  (1, 100, 1, 'Time', 'Initial interview', 1.50, 350.00, 525.00), (2, 100, 2, 'Expense', 'Filing fee', 1.00, 300.00, 300.00),
  (3, 101, 1, 'Time', NULL, 2.25, 275.50, 619.88);
INSERT INTO Payments VALUES (1, 1, 100, '2019-03-15', 825.00, 'Check', '998'), (2, 2, NULL, '2020-06-01', 100.00, 'Credit Card', NULL);
INSERT INTO TrustTransactions VALUES
  (1, 10, '2019-01-20', 'Trust Deposit', NULL, 'Retainer', 2000.00, 2000.00), (2, 10, '2019-03-15', 'Trust Disbursement', 'Hopper Law', 'Inv 100', -825.00, 1175.00);
INSERT INTO CaseNotes VALUES (1, 10, 1, '2019-01-21 09:30:00', 'Intake', 'Client fell on stairs.'), (2, 11, NULL, '2020-03-06 11:00:00', NULL, 'Called.');
INSERT INTO Tasks VALUES (1, 10, 1, 'File complaint', '2019-06-01', 'High', 1, '2019-05-20 17:00:00'), (2, 12, 2, 'Call back', NULL, 'Normal', 0, NULL);
INSERT INTO CalendarEvents VALUES (1, 10, 'Mediation', 'Meeting', '2019-09-01 10:00:00', '2019-09-01 15:00:00', 'Austin', 0);
INSERT INTO Documents VALUES (1, 10, 'Complaint.pdf', 'cases/10/Complaint.pdf', 9, 1, '2019-05-20 16:00:00'), (2, 11, 'Decree.pdf', 'cases/11/Decree.pdf', 7, 2, NULL);
INSERT INTO CaseStatusLookup VALUES ('Open', 'Open'), ('Closed', 'Closed');
INSERT INTO ReferralSources VALUES (1, 'Web'), (2, 'Friend');
INSERT INTO AuditLog VALUES (1, 1, 'UPDATE', 'Cases', 10, '2019-01-21 09:00:00');
INSERT INTO UserSessions VALUES ('abc', 1, '2021-01-01 00:00:00');
INSERT INTO SchemaMigrations VALUES ('1');
INSERT INTO WidgetSettings VALUES (1, 'red', x'00ff');
