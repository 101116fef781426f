-- A German system: compound nouns, contacts apart from clients, dates as German text in one table, lookup tables by key.
CREATE TABLE Sachbearbeiter (SB_Nr INTEGER PRIMARY KEY, Kuerzel TEXT NOT NULL, Vorname TEXT, Nachname TEXT NOT NULL, EMail TEXT, Stundensatz NUMERIC(10,2), Aktiv INTEGER);
CREATE TABLE Rechtsgebiete (RG_ID INTEGER PRIMARY KEY, Bezeichnung TEXT NOT NULL);
CREATE TABLE Aktenstatus (StatusID INTEGER PRIMARY KEY, Bezeichnung TEXT NOT NULL);
CREATE TABLE Adressen (
  AdressNr INTEGER PRIMARY KEY, Anrede TEXT, Vorname TEXT, Nachname TEXT, Firma TEXT, Strasse TEXT, PLZ TEXT, Ort TEXT, Land TEXT, Telefon TEXT, Handy TEXT,
  Telefax TEXT, EMail TEXT, Geburtsdatum TEXT, Bemerkung TEXT
);
CREATE TABLE Mandanten (MandantNr INTEGER PRIMARY KEY, AdressNr INTEGER NOT NULL REFERENCES Adressen (AdressNr), Mandantennummer TEXT NOT NULL, Angelegt_am DATE, Aktiv INTEGER);
CREATE TABLE Akten (
  AktenID INTEGER PRIMARY KEY, Aktennummer TEXT NOT NULL, MandantNr INTEGER NOT NULL REFERENCES Mandanten (MandantNr), RG_ID INTEGER REFERENCES Rechtsgebiete (RG_ID),
  SB_Nr INTEGER REFERENCES Sachbearbeiter (SB_Nr), Kurzrubrum TEXT NOT NULL, StatusID INTEGER NOT NULL REFERENCES Aktenstatus (StatusID), Streitwert NUMERIC(12,2),
  Gericht TEXT, Gerichtsaktenzeichen TEXT, Anlagedatum TEXT, Ablagedatum TEXT
);
CREATE TABLE Beteiligte (
  BetID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL REFERENCES Akten (AktenID), AdressNr INTEGER NOT NULL REFERENCES Adressen (AdressNr), Rolle TEXT
);
CREATE TABLE Leistungen (
  LeistungsID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL, SB_Nr INTEGER NOT NULL, Leistungsdatum TEXT NOT NULL, Minuten INTEGER NOT NULL, Stundensatz NUMERIC(10,2),
  Betrag NUMERIC(12,2), Beschreibung TEXT, Abgerechnet INTEGER
);
CREATE TABLE Auslagen (AuslagenID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL, Datum TEXT NOT NULL, Bezeichnung TEXT, Nettobetrag NUMERIC(12,2), MwSt NUMERIC(12,2));
CREATE TABLE Rechnungen (
  RechnungsID INTEGER PRIMARY KEY, Rechnungsnummer TEXT, AktenID INTEGER NOT NULL, Rechnungsdatum TEXT, Faelligkeit TEXT, Nettobetrag NUMERIC(12,2), MwSt NUMERIC(12,2),
  Bruttobetrag NUMERIC(12,2) NOT NULL, Status TEXT
);
CREATE TABLE Rechnungspositionen (
  PosID INTEGER PRIMARY KEY, RechnungsID INTEGER NOT NULL, PosNr INTEGER NOT NULL, Text TEXT, Menge NUMERIC(8,2), Einzelpreis NUMERIC(10,2), Nettobetrag NUMERIC(12,2) NOT NULL
);
CREATE TABLE Zahlungseingaenge (ZahlungsID INTEGER PRIMARY KEY, AktenID INTEGER, Zahlungsdatum TEXT NOT NULL, Betrag NUMERIC(12,2) NOT NULL, Zahlungsart TEXT);
CREATE TABLE Konten (KontoNr TEXT PRIMARY KEY, Bezeichnung TEXT NOT NULL, Kontoart TEXT, AktenID INTEGER);
CREATE TABLE Buchungen (BuchungsNr INTEGER PRIMARY KEY, Buchungsdatum TEXT NOT NULL, Buchungstext TEXT, AktenID INTEGER);
CREATE TABLE Buchungszeilen (
  BuchungsNr INTEGER NOT NULL REFERENCES Buchungen (BuchungsNr), ZeilenNr INTEGER NOT NULL, KontoNr TEXT NOT NULL REFERENCES Konten (KontoNr), Soll NUMERIC(12,2), Haben NUMERIC(12,2),
  PRIMARY KEY (BuchungsNr, ZeilenNr)
);
CREATE TABLE Dokumente (DokID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL, Bezeichnung TEXT, Dateiname TEXT NOT NULL, Inhalt BLOB, Erstellt_am DATETIME);
CREATE TABLE Aktennotizen (NotizID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL, SB_Nr INTEGER, Datum DATETIME NOT NULL, Betreff TEXT, Notiztext TEXT NOT NULL);
CREATE TABLE Fristen (FristID INTEGER PRIMARY KEY, AktenID INTEGER NOT NULL, Fristart TEXT, Fristdatum TEXT NOT NULL, Bezeichnung TEXT, Erledigt INTEGER);
CREATE TABLE Termine (TerminID INTEGER PRIMARY KEY, AktenID INTEGER, Betreff TEXT NOT NULL, Beginn DATETIME NOT NULL, Ende DATETIME, Ort TEXT);
CREATE TABLE Protokoll (LfdNr INTEGER PRIMARY KEY, Zeitpunkt DATETIME, Benutzer TEXT, Aktion TEXT);

INSERT INTO Sachbearbeiter VALUES (1, 'ME', 'Martha', 'Ebert', 'me@example.de', 220, 1), (2, 'KZ', 'Karl', 'Zeiß', NULL, 180.50, 0);
INSERT INTO Rechtsgebiete VALUES (1, 'Mietrecht'), (2, 'Arbeitsrecht');
INSERT INTO Aktenstatus VALUES (1, 'laufend'), (2, 'abgelegt'), (3, 'ruhend');
INSERT INTO Adressen VALUES
  (1, 'Frau', 'Erika', 'Müller', NULL, 'Hauptstraße 1', '10115', 'Berlin', 'DE', '030 1234', NULL, NULL, 'em@example.de', '04.05.1970', NULL),
  (2, NULL, NULL, NULL, 'Groß & Söhne GmbH', 'Am Markt 2', '50667', 'Köln', 'DE', NULL, NULL, '0221 99', NULL, NULL, 'zahlt spät'),
  (3, 'Herr', 'Ömer', 'Yıldız', NULL, NULL, NULL, NULL, NULL, NULL, '0170 1', NULL, NULL, 'ca. 1980', NULL);
INSERT INTO Mandanten VALUES (1, 1, 'M-1', '2018-02-01', 1), (2, 2, 'M-2', NULL, 0);
INSERT INTO Akten VALUES
  (1, '18/001', 1, 1, 1, 'Müller ./. Groß', 1, 4800.00, 'AG Mitte', '12 C 34/18', '01.02.2018', NULL),
  (2, '18/002', 2, 2, 2, 'Groß ./. Yıldız', 2, NULL, NULL, NULL, '15.03.2018', '30.11.2019');
INSERT INTO Beteiligte VALUES (1, 1, 2, 'Gegner'), (2, 2, 3, 'Zeuge'), (3, 1, 1, 'Mandant');
INSERT INTO Leistungen VALUES (1, 1, 1, '03.02.2018', 45, 220, 165.00, 'Besprechung', 1), (2, 2, 2, '16.03.2018', 20, NULL, NULL, 'Telefonat', 0);
INSERT INTO Auslagen VALUES (1, 1, '05.02.2018', 'Gerichtskosten', 161.00, 0.00);
INSERT INTO Rechnungen VALUES (1, 'R-2018-1', 1, '28.02.2018', '14.03.2018', 326.00, 31.35, 357.35, 'bezahlt'), (2, NULL, 2, NULL, NULL, NULL, NULL, 60.00, 'Entwurf');
INSERT INTO Rechnungspositionen VALUES (1, 1, 1, 'Honorar', 0.75, 220, 165.00), (2, 1, 2, 'Gerichtskosten', 1, 161.00, 161.00);
INSERT INTO Zahlungseingaenge VALUES (1, 1, '12.03.2018', 357.35, 'Überweisung');
INSERT INTO Konten VALUES ('1200', 'Geschäftskonto', 'Bank', NULL), ('A1', 'Fremdgeld 18/001', 'Fremdgeld', 1);
INSERT INTO Buchungen VALUES (1, '12.03.2018', 'Zahlung R-2018-1', 1);
INSERT INTO Buchungszeilen VALUES (1, 1, '1200', 357.35, NULL), (1, 2, 'A1', NULL, 357.35);
INSERT INTO Dokumente VALUES (1, 1, 'Klage', 'klage.pdf', CAST('%PDF-1.4 Klage' AS BLOB), '2018-02-10 10:00:00'), (2, 2, NULL, 'brief.txt', NULL, NULL);
INSERT INTO Aktennotizen VALUES (1, 1, 1, '2018-02-03 12:00:00', NULL, 'Mandantin sehr aufgebracht.');
INSERT INTO Fristen VALUES (1, 1, 'Berufungsfrist', '30.06.2018', 'Berufung', 1), (2, 2, 'Notfrist', '01.04.2018', NULL, 0);
INSERT INTO Termine VALUES (1, 1, 'Verhandlung', '2018-05-02 09:00:00', NULL, 'Saal 3');
INSERT INTO Protokoll VALUES (1, '2018-02-01 08:00:00', 'ME', 'Anlage');
