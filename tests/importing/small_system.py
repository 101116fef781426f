"""A small system as a target, of our own making: every kind of key, reference and constraint, in three dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.model import load_model
from portability.targets import open_target

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    """CREATE TABLE grades (id {serial}, code VARCHAR(20) NOT NULL UNIQUE, label VARCHAR(60))""",
    """CREATE TABLE staff (
      id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, grade_id INTEGER REFERENCES grades (id),
      boss_id INTEGER, active {bool} NOT NULL, FOREIGN KEY (boss_id) REFERENCES staff (id))""",
    """CREATE TABLE people (
      id {uuid} NOT NULL PRIMARY KEY, name VARCHAR(120) NOT NULL, kind CHAR(1) NOT NULL, born DATE,
      version INTEGER DEFAULT 1 NOT NULL)""",
    """CREATE TABLE cases (
      id {uuid} NOT NULL PRIMARY KEY, number VARCHAR(40) NOT NULL UNIQUE, title VARCHAR(200) NOT NULL,
      state SMALLINT NOT NULL, owner_id INTEGER REFERENCES staff (id), opened DATE, main_note_id {uuid},
      fee DECIMAL(12,2) CHECK (fee >= 0))""",
    """CREATE TABLE notes (
      id {uuid} NOT NULL PRIMARY KEY, case_id {uuid} NOT NULL, body {text}, written {timestamp},
      FOREIGN KEY (case_id) REFERENCES cases (id))""",
    """CREATE TABLE members (
      case_id {uuid} NOT NULL, staff_id INTEGER NOT NULL, PRIMARY KEY (case_id, staff_id),
      FOREIGN KEY (case_id) REFERENCES cases (id), FOREIGN KEY (staff_id) REFERENCES staff (id))""",
    """CREATE TABLE entries (
      id {bigint} NOT NULL PRIMARY KEY, case_id {uuid}, debit DECIMAL(19,4) NOT NULL, credit DECIMAL(19,4) NOT NULL,
      narrative {text}, FOREIGN KEY (case_id) REFERENCES cases (id))""",
)
CIRCLE = "ALTER TABLE cases ADD CONSTRAINT cases_note FOREIGN KEY (main_note_id) REFERENCES notes (id)"
OWN_ROWS = (
    "INSERT INTO grades (code, label) VALUES ('a', 'Partner'), ('zz', 'Of their own')",
    "INSERT INTO staff (id, name, active) VALUES (700, 'Somebody of theirs', {true})",
)
WORDS = {
    "postgresql": {
        "serial": "SERIAL PRIMARY KEY",
        "uuid": "uuid",
        "bool": "boolean",
        "text": "text",
        "timestamp": "timestamp",
        "bigint": "bigint GENERATED ALWAYS AS IDENTITY",
        "true": "true",
    },
    "mariadb": {
        "serial": "INTEGER PRIMARY KEY AUTO_INCREMENT",
        "uuid": "BINARY(16)",
        "bool": "BOOLEAN",
        "text": "LONGTEXT",
        "timestamp": "DATETIME(6)",
        "bigint": "BIGINT AUTO_INCREMENT",
        "true": "1",
    },
    "sqlite": {
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "uuid": "TEXT",
        "bool": "BOOLEAN",
        "text": "TEXT",
        "timestamp": "TIMESTAMP",
        "bigint": "INTEGER",
        "true": "1",
    },
}

PROFILE = """
profile: small
title: A small system
load:
  tables:
    grades: {{key: {{column: id, kind: integer}}, match: [code]}}
    staff:
      entity: user
      key: {{column: id, kind: integer}}
      references: {{grade_id: grades, boss_id: staff}}
    people: {{entity: contact, key: {{column: id, kind: uuid}}, codes: {{kind: kind}}}}
    cases:
      entity: matter
      key: {{column: id, kind: uuid}}
      references: {{owner_id: {{table: staff, missing: empty}}, main_note_id: {{table: notes, missing: empty}}}}
      codes: {{state: state}}
    notes: {{entity: note, left_out: notes of no case, key: {{column: id, kind: uuid}}, references: {{case_id: cases}}}}
    members: {{entity: matter_team_member, references: {{case_id: cases, staff_id: staff}}}}
    entries: {{entity: disbursement, key: {{column: id, kind: integer}}, references: {{case_id: cases}}}}
  codes:
    kind: {{values: {{person: P, organisation: O}}, fallback: X}}
    state: {{file: codes/state.csv}}
  without:
{without}
"""
STATES = "canonical,target\nopen,1\non_hold,2\nclosed,3\narchived,4\nenquiry,5\ndormant,6\ndeclined,7\n"
LOADS = {
    "grades": """SELECT DISTINCT 'grade:' || grade AS _id, lower(grade) AS code, 'Grade ' || grade AS label
      FROM "user" WHERE grade IS NOT NULL""",
    "staff": """SELECT id AS _id, display_name AS name, 'grade:' || grade AS grade_id, supervisor_id AS boss_id,
      status = 'active' AS active FROM "user" """,
    "people": "SELECT id AS _id, display_name AS name, contact_type AS kind, date_of_birth AS born FROM contact",
    "cases": """SELECT m.id AS _id, m.matter_number AS number, m.title, m.status AS state, m.fee_earner_id AS owner_id,
      m.opened_on AS opened, n.first AS main_note_id, m.fixed_fee AS fee FROM matter AS m
      LEFT JOIN (SELECT matter_id, min(id) AS first FROM note GROUP BY matter_id) AS n ON n.matter_id = m.id""",
    "notes": """SELECT id AS _id, matter_id AS case_id, body, timezone('UTC', noted_at) AS written FROM note
      WHERE matter_id IS NOT NULL""",
    "members": "SELECT id AS _id, matter_id AS case_id, user_id AS staff_id FROM matter_team_member",
    "entries": """SELECT id AS _id, matter_id AS case_id, net_amount AS debit, vat_amount AS credit,
      description AS narrative FROM disbursement""",
}


def write_profile(folder: Path, **changes: str) -> Path:
    """Write the profile; ``changes`` replace load files (name=SQL) or, as ``profile``/``state``, those texts."""
    (folder / "load").mkdir(parents=True)
    (folder / "codes").mkdir()
    names = ["*.extras", *(entity.name for entity in load_model().entities)]
    without = "\n".join(f'    "{name}": of no use here' for name in names)
    (folder / "profile.yaml").write_text(changes.get("profile", PROFILE).format(without=without), encoding="utf-8")
    (folder / "codes/state.csv").write_text(changes.get("state", STATES), encoding="utf-8")
    for name, sql in LOADS.items():
        (folder / f"load/{name}.sql").write_text(changes.get(name, sql), encoding="utf-8")
    return folder


def make_target(url: str, *, rows: bool = True) -> str:
    """Make the tables in an empty database, with rows of the system's own."""
    with open_target(url) as target:
        words = WORDS[target.dbms]
        statements = [*TABLES, *([CIRCLE] if target.dbms != "sqlite" else []), *(OWN_ROWS if rows else ())]
        for statement in statements:
            target.execute(statement.format(**words))
    return url


def contents(url: str, *, without: frozenset[str] = frozenset()) -> dict[str, list[tuple[object, ...]]]:
    """Return every table's rows, those of the bookkeeping too, in an order of their own; times of runs left out."""
    with open_target(url) as target:
        found = {}
        for name in sorted(set(target.table_names()) - without):
            columns = [c.name for c in target.columns(name) if c.name not in ("started_at", "finished_at")]
            picked = ", ".join(target.quote(c) for c in columns)
            table = target.query(f"SELECT {picked} FROM {target.quote(name)}")
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            found[name] = sorted(rows, key=repr)
        return found


# Columns that hold keys which are counted, and so depend on the order in which rows came.
COUNTED = {
    "grades": {"id": "grades"},
    "staff": {"id": "staff", "grade_id": "grades", "boss_id": "staff"},
    "cases": {"owner_id": "staff"},
    "members": {"staff_id": "staff"},
    "entries": {"id": "entries"},
}


def neutral(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows with every counted key replaced by the canonical id that it stands for."""
    with open_target(url) as target:
        lines = target.query(
            "SELECT target_table, canonical_id, target_key, row_md5, origin FROM _portability_crosswalk"
        )
        ids = {(row["target_table"], row["target_key"]): row["canonical_id"] for row in lines.to_pylist()}
        found: dict[str, list[tuple[object, ...]]] = {
            "crosswalk": sorted(
                (r["target_table"], r["canonical_id"], r["row_md5"], r["origin"]) for r in lines.to_pylist()
            )
        }
        for name in ("grades", "staff", "people", "cases", "notes", "members", "entries"):
            columns = [column.name for column in target.columns(name)]
            table = target.query(f"SELECT {', '.join(target.quote(c) for c in columns)} FROM {target.quote(name)}")
            counted = COUNTED.get(name, {})
            rows = [
                tuple(
                    ids.get((counted[c], str(value)), value) if c in counted else value
                    for c, value in zip(columns, row, strict=True)
                )
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
            ]
            found[name] = sorted(rows, key=repr)
    return found
