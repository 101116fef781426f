"""A small firm as the source, in SQLite, with its profile: some rows of everything that the small system takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE usr (id INTEGER PRIMARY KEY, name TEXT, grade TEXT, boss INTEGER, active INTEGER);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, born DATE);
CREATE TABLE mtr (id INTEGER PRIMARY KEY, no TEXT, title TEXT, state TEXT, person INTEGER, owner INTEGER, opened DATE,
  fee DECIMAL(12,4));
CREATE TABLE team (mtr INTEGER, usr INTEGER, PRIMARY KEY (mtr, usr));
CREATE TABLE note (id INTEGER PRIMARY KEY, mtr INTEGER, body TEXT, noted DATETIME);
CREATE TABLE post (id INTEGER PRIMARY KEY, mtr INTEGER, amount DECIMAL(19,4), what TEXT);
"""
PROFILE = "profile: small_source\ntitle: A small firm\ndetect: [usr, mtr, post]\n"
MAPS = {
    "firm": "SELECT '1' AS id, '$profile/firm' AS source_key, 'Small LLP' AS name, 'GBP' AS base_currency, "
    "'Europe/London' AS time_zone",
    "user": "SELECT id::VARCHAR AS id, 'usr/' || id AS source_key, '1' AS firm_id, name AS display_name, grade, "
    "boss::VARCHAR AS supervisor_id, true AS is_fee_earner, "
    "CASE active WHEN 1 THEN 'active' ELSE 'left' END AS status FROM source.usr",
    "contact": "SELECT id::VARCHAR AS id, 'person/' || id AS source_key, kind AS contact_type, name AS display_name, "
    "born AS date_of_birth FROM source.person",
    "client": "SELECT id::VARCHAR AS id, 'person/' || id AS source_key, id::VARCHAR AS contact_id, "
    "id::VARCHAR AS client_number, 'individual' AS client_type, 'active' AS status, false AS is_placeholder "
    "FROM source.person",
    "matter": "SELECT id::VARCHAR AS id, 'mtr/' || id AS source_key, no AS matter_number, "
    "person::VARCHAR AS client_id, "
    "title, state AS status, owner::VARCHAR AS fee_earner_id, opened AS opened_on, fee AS fixed_fee, "
    "'GBP' AS currency, "
    "false AS is_confidential FROM source.mtr",
    "matter_party": "SELECT id::VARCHAR AS id, 'mtr/' || id AS source_key, id::VARCHAR AS matter_id, "
    "person::VARCHAR AS contact_id, 'client' AS party_role FROM source.mtr",
    "matter_team_member": "SELECT mtr || '/' || usr AS id, 'team/' || mtr || '/' || usr AS source_key, "
    "mtr::VARCHAR AS matter_id, usr::VARCHAR AS user_id, 'assistant' AS team_role FROM source.team",
    "note": "SELECT id::VARCHAR AS id, 'note/' || id AS source_key, mtr::VARCHAR AS matter_id, "
    "'file_note' AS note_type, "
    "body, 'plain' AS body_format, from_utc(noted) AS noted_at, false AS is_private FROM source.note",
    "disbursement": "SELECT id::VARCHAR AS id, 'post/' || id AS source_key, mtr::VARCHAR AS matter_id, "
    "what AS description, DATE '2020-01-01' AS incurred_on, amount AS net_amount, 0 AS vat_amount, "
    "amount AS gross_amount, 'GBP' AS currency, false AS is_anticipated, 'unbilled' AS status FROM source.post",
}
KINDS = ("person", "organisation", "court")
STATES = ("open", "closed", "on_hold", "archived")
# What a few days of work do: rows changed, rows new, rows gone, a parent with its children among them.
DAYS_OF_WORK = """
UPDATE person SET name = name || '-Ng' WHERE id % 17 = 0;
UPDATE mtr SET title = title || ' (revised)', owner = 3 WHERE id % 21 = 0;
UPDATE usr SET boss = NULL WHERE id = 7;
INSERT INTO usr VALUES (101, 'Newcomer', 'B', 2, 1);
INSERT INTO mtr VALUES (201, 'M-201', 'A new matter', 'open', 3, 101, '2026-02-03', 17.5);
INSERT INTO note VALUES (901, 201, 'Its first note', '2026-02-03 10:00:00'), (902, 5, 'Another', '2026-02-03 11:00:00');
DELETE FROM note WHERE id % 29 = 0;
INSERT INTO post VALUES (5001, 201, 12.34, 'a new one');
DELETE FROM post WHERE mtr = 50; DELETE FROM team WHERE mtr = 50; DELETE FROM note WHERE mtr = 50;
DELETE FROM mtr WHERE id = 50;
INSERT INTO mtr VALUES (202, 'M-50', 'Has the number of the one that went', 'open', 4, 2, NULL, NULL);
"""


def make_source(path: Path, *, posts: int = 400) -> None:
    """Make the firm's database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        users = [
            (n, f"User {n} Ó Dálaigh", "ABCD"[n % 4] if n % 5 else None, n // 2 or None, n % 3 != 0)
            for n in range(1, 13)
        ]
        connection.executemany("INSERT INTO usr VALUES (?, ?, ?, ?, ?)", users)
        people = [
            (n, f"Person {n} \t“quoted”\\", KINDS[n % 19 == 0 or 2 * (n % 23 == 0)], f"19{n % 90 + 10}-02-28")
            for n in range(1, 81)
        ]
        connection.executemany("INSERT INTO person VALUES (?, ?, ?, ?)", people)
        matters = [
            (
                n,
                f"M-{n}",
                f"Matter {n}\nof two lines",
                STATES[n % 4],
                n % 80 + 1,
                n % 12 + 1,
                f"20{n % 20 + 10}-03-31",
                n * 0.25,
            )
            for n in range(1, 101)
        ]
        connection.executemany("INSERT INTO mtr VALUES (?, ?, ?, ?, ?, ?, ?, ?)", matters)
        connection.executemany("INSERT INTO team VALUES (?, ?)", [(n, n % 11 + 1) for n in range(1, 101, 2)])
        notes = [
            (n, n % 100 + 1 if n % 6 else None, f"Note {n} 😀", f"2025-03-{n % 28 + 1:02d} 09:{n % 60:02d}:00.25")
            for n in range(1, 121)
        ]
        connection.executemany("INSERT INTO note VALUES (?, ?, ?, ?)", notes)
        rows = ((n, n % 100 + 1, f"{n}.{n % 100:02d}", f"Fee {n}") for n in range(1, posts + 1))
        connection.executemany("INSERT INTO post VALUES (?, ?, ?, ?)", rows)
        connection.commit()


def work_on(path: Path, script: str = DAYS_OF_WORK) -> None:
    """Let some days go by."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def write_source_profile(folder: Path) -> Path:
    """Write the profile that exports it."""
    (folder / "map").mkdir(parents=True)
    (folder / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, sql in MAPS.items():
        (folder / f"map/{name}.sql").write_text(sql, encoding="utf-8")
    return folder
