"""The successor's schema: the same in three kinds of database, whole, and made once or not at all."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.errors import ConfigError, TargetError
from portability.profiles import load_profile
from portability.successor import DIALECTS, create, schema_statements

if TYPE_CHECKING:
    from portability.manifest import SourceSchema
    from tests.conftest import MakeDatabase

TABLES = 49
BROUGHT = {"countries", "matter_states", "party_roles", "tax_treatments", "tax_rates"}


def discovered(url: str) -> SourceSchema:
    """The schema as the connector of the DBMS reads it."""
    with open_connector(url).snapshot() as snapshot:
        return snapshot.discover()


def shape(schema: SourceSchema) -> dict[str, tuple[object, ...]]:
    """What must be the same whatever the DBMS: columns, which may be null, keys, and how many references."""
    return {
        table.name: (
            tuple((column.name, column.nullable) for column in table.columns),
            table.primary_key.columns if table.primary_key else None,
            len(table.foreign_keys),
        )
        for table in schema.tables
    }


@pytest.fixture
def sqlite_successor(tmp_path: Path) -> str:
    """An empty successor in SQLite."""
    url = f"sqlite:///{tmp_path / 'successor.db'}"
    create(url)
    return url


def test_schema_in_sqlite_has_keys_and_references_everywhere(sqlite_successor: str) -> None:
    """Every table has a primary key, and all but the lists that the system brings are referred to or refer."""
    tables = {table.name: table for table in discovered(sqlite_successor).tables}
    assert len(tables) == TABLES
    assert [name for name, table in tables.items() if table.primary_key is None] == []
    referred = {key.target_table for table in tables.values() for key in table.foreign_keys}
    alone = {name for name, table in tables.items() if not table.foreign_keys} - referred
    assert alone == {"code_items", "custom_fields"}


def test_schema_in_postgresql_is_that_of_sqlite(sqlite_successor: str, postgresql_url: MakeDatabase) -> None:
    """Columns, nullability, keys and references are the same."""
    url = postgresql_url()
    assert create(url) == TABLES
    assert shape(discovered(url)) == shape(discovered(sqlite_successor))


def test_schema_in_mariadb_is_that_of_sqlite(sqlite_successor: str, mariadb_url: MakeDatabase) -> None:
    """Columns, nullability, keys and references are the same."""
    url = mariadb_url()
    assert create(url) == TABLES
    assert shape(discovered(url)) == shape(discovered(sqlite_successor))


def test_schema_brings_its_own_rows_and_no_others(sqlite_successor: str) -> None:
    """The lists have rows, 249 countries among them; every other table is empty."""
    with closing(sqlite3.connect(sqlite_successor.removeprefix("sqlite:///"))) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    assert {name for name, count in counts.items() if count} == BROUGHT
    assert counts["countries"] == 249


def test_schema_statements_name_no_table_before_it_is_there() -> None:
    """Tables are made in the order of their references, so that none needs ALTER TABLE."""
    made: set[str] = set()
    for statement in schema_statements("postgresql"):
        if match := re.match(r"CREATE TABLE (\w+)", statement):
            made.add(match[1])
            assert set(re.findall(r"REFERENCES (\w+)", statement)) <= made


@pytest.mark.parametrize("dbms", DIALECTS)
def test_schema_statements_spell_every_word(dbms: str) -> None:
    """No word in braces is left over in any dialect."""
    assert not [statement for statement in schema_statements(dbms) if re.search(r"[{}]", statement)]


def test_schema_refuses_what_the_practice_would_break(sqlite_successor: str) -> None:
    """The successor is stricter: checks, references and unique numbers are real constraints."""
    with closing(sqlite3.connect(sqlite_successor.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(
            "INSERT INTO legal_entities (id, name, currency, time_zone) VALUES (1, 'A', 'GBP', 'Europe/London')"
        )
        for statement in (
            "INSERT INTO staff (legal_entity_id, display_name, is_timekeeper, employment) VALUES (1, 'B', 1, 'asleep')",
            "INSERT INTO staff (legal_entity_id, display_name, is_timekeeper, employment) VALUES (9, 'B', 1, 'left')",
            "INSERT INTO diary_entries (id, title, starts_at, ends_at, all_day, state) VALUES ('u', 't', 2, 1, 0, '')",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)


def test_create_twice_refuses_and_changes_nothing(sqlite_successor: str) -> None:
    """A database that has one of its tables is left as it is."""
    with pytest.raises(TargetError, match="already has 49 of its tables"):
        create(sqlite_successor)


def test_create_beside_a_table_of_that_name_makes_nothing(tmp_path: Path) -> None:
    """One table in the way is enough, and it is found before anything is made."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE notes (id integer)")
    with pytest.raises(TargetError, match="1 of its tables"):
        create(f"sqlite:///{tmp_path / 'other.db'}")
    assert [table.name for table in discovered(f"sqlite:///{tmp_path / 'other.db'}").tables] == ["notes"]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("oracle://somewhere/db", ConfigError),
        ("postgresql://nobody@127.0.0.1:1/none", TargetError),
        ("sqlite:////no/such/folder/x.db", TargetError),
    ],
)
def test_create_in_a_place_that_is_none_says_so(url: str, error: type[Exception]) -> None:
    """The error is ours, without the address."""
    with pytest.raises(error) as raised:
        create(url)
    assert "nobody" not in str(raised.value)


def test_module_run_makes_a_successor(tmp_path: Path) -> None:
    """`python -m portability.successor URL` is all that a trial needs; a second run fails with the code of a target."""
    command = [sys.executable, "-m", "portability.successor", f"sqlite:///{tmp_path / 's.db'}"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (first.returncode, first.stdout) == (0, f"An empty successor: {TABLES} tables\n")
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (second.returncode, "already has" in second.stderr) == (16, True)


def test_profile_fits_its_schema(sqlite_successor: str) -> None:
    """Every table that is no list of the system's own is filled by the profile, and it fills no other."""
    tables = {table.name for table in discovered(sqlite_successor).tables}
    own = {"countries", "matter_states", "party_roles", "tax_treatments"}
    assert set(load_profile("successor").loads) == tables - own
