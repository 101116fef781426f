-- A Dutch system: everybody is a "relatie", who is client of a file says a role in a link table, hours name the user by login,
-- tasks reach files through a link, one table has no key, and some names need quoting.
CREATE TABLE medewerkers (id INTEGER PRIMARY KEY, gebruikersnaam TEXT NOT NULL UNIQUE, voornaam TEXT, achternaam TEXT NOT NULL, uurtarief TEXT, actief TEXT, wachtwoord TEXT, password TEXT);
CREATE TABLE relaties (
  id INTEGER PRIMARY KEY, soort TEXT, voornaam TEXT, achternaam TEXT, bedrijfsnaam TEXT, straat TEXT, huisnummer TEXT, postcode TEXT, woonplaats TEXT, telefoon TEXT, emailadres TEXT,
  geboortedatum TEXT, verwijderd INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE dossiers (id INTEGER PRIMARY KEY, dossiernummer TEXT NOT NULL, dossiernaam TEXT NOT NULL, behandelaar TEXT, geopend TEXT, gesloten TEXT, opmerkingen TEXT);
CREATE TABLE dossier_relaties (dossier_id INTEGER NOT NULL, relatie_id INTEGER NOT NULL, rol TEXT NOT NULL, PRIMARY KEY (dossier_id, relatie_id, rol));
CREATE TABLE urenregistratie (id INTEGER PRIMARY KEY, dossier_id INTEGER NOT NULL, medewerker TEXT NOT NULL, datum TEXT NOT NULL, uren REAL NOT NULL, omschrijving TEXT, declarabel TEXT);
CREATE TABLE facturen (id INTEGER PRIMARY KEY, factuurnummer TEXT, dossier_id INTEGER NOT NULL, factuurdatum TEXT, bedrag_excl REAL, btw REAL, totaalbedrag REAL NOT NULL, betaald TEXT);
CREATE TABLE factuurregels (factuur_id INTEGER NOT NULL, omschrijving TEXT, bedrag REAL NOT NULL);
CREATE TABLE taken (id INTEGER PRIMARY KEY, titel TEXT NOT NULL, vervaldatum TEXT, gereed TEXT);
CREATE TABLE dossier_taken (id INTEGER PRIMARY KEY, dossier_id INTEGER NOT NULL, taak_id INTEGER NOT NULL, toegevoegd TEXT);
CREATE TABLE bestanden (id INTEGER PRIMARY KEY, dossier_id INTEGER NOT NULL, bestandsnaam TEXT NOT NULL, pad TEXT NOT NULL, grootte INTEGER);
CREATE TABLE "select ""order""" ("from" INTEGER PRIMARY KEY, "it's; -- odd" TEXT, "日付" TEXT);
CREATE TABLE "日本" (x TEXT);
CREATE TABLE logboek (id INTEGER PRIMARY KEY, tijdstip TEXT, tekst TEXT);

INSERT INTO medewerkers VALUES (1, 'ajansen', 'Anneke', 'Jansen', '195,00', 'J', 'geheim', 'geheim'), (2, 'pdv', 'Piet', 'de Vries', '160', 'N', 'geheim', 'geheim');
INSERT INTO relaties VALUES
  (1, 'particulier', 'Saskia', 'Bakker', NULL, 'Dorpsstraat', '1a', '1234 AB', 'Utrecht', '030-1', 's@example.nl', '31-12-1975', 0),
  (2, 'bedrijf', NULL, NULL, 'Bouw & Zn. B.V.', NULL, NULL, NULL, NULL, '', NULL, '', 0), (3, 'particulier', 'Wim', 'Kok', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO dossiers VALUES (1, 'D-1', 'Bakker / Bouw', 'ajansen', '01-02-2020', NULL, NULL), (2, 'D-2', 'Kok', 'pdv', '15-03-2020', '20-06-2021', 'klaar'), (3, 'D-3', 'Zonder client', 'weg', '1-1-2021', NULL, NULL);
INSERT INTO dossier_relaties VALUES (1, 1, 'Opdrachtgever'), (1, 2, 'Wederpartij'), (2, 3, 'Opdrachtgever'), (3, 2, 'Wederpartij');
INSERT INTO urenregistratie VALUES (1, 1, 'ajansen', '03-02-2020', 0.1, 'intake', 'J'), (2, 2, 'pdv', '16-03-2020', 1.25, NULL, 'N');
INSERT INTO facturen VALUES (1, 'F1', 1, '28-02-2020', 100.1, 21.02, 121.12, 'J'), (2, NULL, 2, NULL, NULL, NULL, 50, 'N');
INSERT INTO factuurregels VALUES (1, 'honorarium', 100.1), (2, NULL, 50), (2, NULL, 50);
INSERT INTO taken VALUES (1, 'Bellen', '10-02-2020', 'J'), (2, 'Los', NULL, 'N');
INSERT INTO dossier_taken VALUES (1, 1, 1, '2020-02-01');
INSERT INTO bestanden VALUES (1, 1, 'brief.pdf', 'D-1\brief.pdf', 5);
INSERT INTO "select ""order""" VALUES (1, 'a', 'b');
INSERT INTO logboek VALUES (1, '2020-01-01', 'start');
