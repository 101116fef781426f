"""Two firms in one SQLite file, small enough to read whole, with a trap for every way in which a scope may leak."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["MARKS", "build_firms", "write_profile"]

# What only one firm's rows, files and names say.
MARKS = {1: "ALPHAFIRM", 2: "BETAFIRM"}

SCHEMA = """
CREATE TABLE firm (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE person (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL REFERENCES firm, name TEXT, merged_to INTEGER);
CREATE TABLE staff (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL REFERENCES firm, name TEXT);
CREATE TABLE client (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL, number TEXT,
  person_id INTEGER REFERENCES person);
CREATE TABLE matter (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES client, number TEXT, title TEXT,
  handler INTEGER REFERENCES staff, opened DATE);
CREATE TABLE account (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL, matter_id INTEGER REFERENCES matter, name TEXT);
CREATE TABLE posting (id INTEGER PRIMARY KEY, matter_id INTEGER NOT NULL REFERENCES matter, day DATE, text TEXT);
CREATE TABLE posting_line (posting_id INTEGER NOT NULL REFERENCES posting, line INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account, amount DECIMAL(12,2), PRIMARY KEY (posting_id, line));
CREATE TABLE note (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL, of_kind TEXT NOT NULL, of_id INTEGER NOT NULL,
  body TEXT, facts JSON);
CREATE TABLE doc (id INTEGER PRIMARY KEY, matter_id INTEGER REFERENCES matter, path TEXT, scan BLOB, hits TEXT);
CREATE TABLE odd (id INTEGER PRIMARY KEY, matter_id INTEGER NOT NULL, born DATE);
CREATE TABLE vat (code TEXT PRIMARY KEY, rate DECIMAL(5,2));
CREATE TABLE price (id INTEGER PRIMARY KEY, firm_id INTEGER NOT NULL, text TEXT);
CREATE VIEW betafirm_only AS SELECT * FROM client WHERE firm_id = 2;
CREATE INDEX client_firm ON client (firm_id);
CREATE INDEX matter_client ON matter (client_id);
"""
PROFILE = """
profile: small
title: Two small firms
detect: [firm, person, posting_line]
documents:
  - {name: letters, table: doc, path: path}
  - {name: scans, table: doc, lob: scan}
scope:
  roots:
    tenant: {table: firm, key: id}
    client: {table: client, key: id, name: number}
    matter: {table: matter, key: id, name: number}
    contact: {table: person, key: id}
  keys:
    firm_id: firm.id
    odd.matter_id: matter.id
    person.merged_to: person.id
    note.of_id: [{to: matter.id, when: {of_kind: M}}, {to: client.id, when: {of_kind: C}}]
  owner:
    posting_line: {client: posting_id, matter: posting_id, contact: posting_id, tenant: posting_id}
  shared: {vat: the law's rates}
  outside: {price: the firm's own prices}
  mixed: {doc.hits: names other matters that a search found}
  dates: {posting: day, posting_line: posting_id}
  undated:
    account: standing
    client: standing
    doc: never dated
    firm: standing
    matter: standing
    note: never dated
    odd: typed as text
    person: standing
    price: standing
    staff: standing
"""


def build_firms(folder: Path) -> Path:
    """Make ``firms.db`` and ``files/``; return the database."""
    database = folder / "firms.db"
    connection = sqlite3.connect(database)
    connection.executescript(SCHEMA)
    (folder / "files").mkdir()
    for firm, mark in MARKS.items():
        _fill(connection, folder / "files", firm, mark)
    connection.execute("INSERT INTO vat VALUES ('S', 20)")
    connection.commit()
    connection.close()
    return database


def _fill(connection: sqlite3.Connection, files: Path, firm: int, mark: str) -> None:
    def put(table: str, *rows: tuple[object, ...]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    n = firm * 100
    put("firm", (firm, f"{mark} LLP"))
    put("person", *((n + i, firm, f"{mark} person {i}", n + 1 if i == 3 else None) for i in range(6)))
    put("staff", *((n + i, firm, f"{mark} staff {i}") for i in range(3)))
    put("client", *((n + i, firm, f"C{i}", n + i) for i in range(3)))
    # The same numbers in both firms: a matter's number names it within its firm only.
    put(
        "matter", *((n + i, n + i % 3, f"M{i}", f"{mark} matter {i}", n + i % 2, f"20{20 + i}-05-01") for i in range(6))
    )
    put(
        "account", (n + 50, firm, None, f"{mark} bank"), *((n + i, firm, n + i, f"{mark} ledger {i}") for i in range(6))
    )
    put("posting", *((n + i, n + i % 6, f"20{20 + i % 6}-06-0{1 + i % 3}", f"{mark} posting {i}") for i in range(12)))
    put(
        "posting_line",
        *((n + i, 1, n + i % 6, "10.50") for i in range(12)),
        *((n + i, 2, n + 50, "-10.50") for i in range(12)),
    )
    facts = f'{{"of": "{mark}"}}'
    put(
        "note",
        *(
            (n + i, firm, "M" if i < 6 else "C", n + i % 6 if i < 6 else n + i % 3, f"{mark} note {i}", facts)
            for i in range(9)
        ),
    )
    put(
        "doc",
        *((n + i, n + i, f"{mark}/letter{i}.txt", f"{mark} scan {i}".encode(), f"see M{i + 1}") for i in range(5)),
    )
    put("odd", (n + 1, n + 1, "2020-01-01"))
    # Bytes that are no text go to the exceptions ledger.
    connection.execute("INSERT INTO odd VALUES (?, ?, CAST(? AS TEXT))", (n, n, f"{mark}-13-45".encode() + b"\xff"))
    put("price", (n, firm, f"{mark} 250 an hour"))
    (files / mark).mkdir()
    for i in range(5):
        (files / mark / f"letter{i}.txt").write_text(f"{mark} letter {i}\n", encoding="utf-8")


def write_profile(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the profile, with parts of it replaced; return its folder."""
    text = PROFILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.yaml").write_text(text, encoding="utf-8")
    return folder
