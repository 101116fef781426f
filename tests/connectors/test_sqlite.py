"""What is particular to SQLite: files, storage classes, keys that hold nulls, text that is not UTF-8."""

from __future__ import annotations

import math
import sqlite3
import struct
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from portability.connectors import TablePlan, open_connector
from portability.connectors.connector import SourceException
from portability.errors import ConfigError, SourceDataError, SourceUnavailableError
from portability.manifest import ForeignKey, SourceSchema


def make(path: Path, *statements: str) -> str:
    """Make a database file and return its address."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def read(url: str, name: str, **columns: frozenset[str]) -> tuple[TablePlan, pa.Table, list[SourceException]]:
    """Plan and read one table and its exceptions."""
    with open_connector(url).snapshot() as snapshot:
        (table,) = [table for table in snapshot.discover().tables if table.name == name]
        plan = snapshot.plan(table, **columns)  # type: ignore[arg-type]
        found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
        return plan, found, list(snapshot.exceptions(plan))


def discover(url: str) -> SourceSchema:
    """Return what a database declares."""
    with open_connector(url).snapshot() as snapshot:
        return snapshot.discover()


def test_sqlite_missing_file_is_unavailable(tmp_path: Path) -> None:
    """The path is named."""
    with (
        pytest.raises(SourceUnavailableError, match="no such file") as caught,
        open_connector(f"sqlite:///{tmp_path}/none.db").snapshot(),
    ):
        pass
    assert caught.value.place.endswith("none.db")


def test_sqlite_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Something else that ends in .db is no database."""
    path = tmp_path / "text.db"
    path.write_bytes(b"not a database, but long enough to look like a header " * 20)
    with pytest.raises(SourceDataError, match="not a database"), open_connector(f"sqlite:///{path}").snapshot():
        pass


def test_sqlite_locked_file_is_unavailable(tmp_path: Path) -> None:
    """A writer that holds the file makes the export wait for another time."""
    url = make(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    writer = sqlite3.connect(tmp_path / "a.db")
    writer.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(SourceUnavailableError, match="locked"), open_connector(f"{url}?timeout=0").snapshot():
            pass
    finally:
        writer.close()


@pytest.mark.parametrize("option", ["timeout=soon", "tiemout=1"])
def test_sqlite_option_that_cannot_be_used_is_refused(tmp_path: Path, option: str) -> None:
    """Neither a wrong value nor a misspelt name is ignored."""
    url = make(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigError), open_connector(f"{url}?{option}").snapshot():
        pass


def test_sqlite_identity_changes_with_the_data_in_either_journal_mode(tmp_path: Path) -> None:
    """Reading changes nothing; a commit does."""
    for mode in ("DELETE", "WAL"):
        path = tmp_path / f"{mode}.db"
        url = make(path, f"PRAGMA journal_mode = {mode}", "CREATE TABLE t (id INTEGER PRIMARY KEY)")
        identities = []
        for statement in ("", "", "INSERT INTO t VALUES (1)"):
            if statement:
                make(path, statement)
            with open_connector(url).snapshot() as snapshot:
                identities.append(snapshot.identity)
        assert identities[0] == identities[1]
        assert identities[1] != identities[2]


def test_sqlite_primary_key_that_holds_null_names_no_row(tmp_path: Path) -> None:
    """SQLite allows it; such a table is ordered by all its columns."""
    url = make(tmp_path / "a.db", "CREATE TABLE t (k TEXT PRIMARY KEY, v)", "INSERT INTO t VALUES (NULL, 1), (NULL, 2)")
    plan, found, _ = read(url, "t")
    assert plan.table.order == ()
    assert found.column("v").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    "declared",
    ["a INTEGER, b INTEGER, PRIMARY KEY (a, b)", "a INTEGER PRIMARY KEY DESC, b INTEGER"],
)
def test_sqlite_integer_key_that_is_not_the_row_number_may_hold_text(tmp_path: Path, declared: str) -> None:
    """Only INTEGER PRIMARY KEY is promised by SQLite itself."""
    url = make(tmp_path / "a.db", f"CREATE TABLE t ({declared})", "INSERT INTO t VALUES (1, 1), ('x', 2)")
    plan, found, _ = read(url, "t")
    assert found.column("a").to_pylist() == ["1", "x"]
    assert not plan.table.column("a").identity


def test_sqlite_key_in_a_collation_without_case_is_ordered_by_bytes(tmp_path: Path) -> None:
    """The key's own collation would put b between A and C."""
    url = make(
        tmp_path / "a.db",
        "CREATE TABLE t (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY)",
        "INSERT INTO t VALUES ('b'), ('C'), ('A')",
    )
    assert read(url, "t")[1].column("k").to_pylist() == ["A", "C", "b"]


def test_sqlite_text_that_is_not_utf8_stands_in_the_ledger_with_its_bytes(tmp_path: Path) -> None:
    """Old programs store what their code page gave them; the rest of the column stays text."""
    url = make(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t VALUES (1, 'café'), (2, CAST(x'636166e9' AS TEXT)), (3, CAST(x'00ff' AS TEXT)), (4, 'plain')",
    )
    plan, found, exceptions = read(url, "t")
    assert found.column("v").to_pylist() == ["café", None, None, "plain"]
    assert [(each.key, each.raw) for each in exceptions] == [(("2",), b"caf\xe9"), (("3",), b"\x00\xff")]
    (totals,) = [column for column in plan.totals.columns if column.name == "v"]
    assert (totals.non_null, totals.excepted, totals.size_bytes) == (4, 2, 10)


def test_sqlite_database_in_utf16_arrives_as_utf8(tmp_path: Path) -> None:
    """Sizes are those of the UTF-8 that is carried."""
    url = make(
        tmp_path / "a.db",
        "PRAGMA encoding = 'UTF-16le'",
        "CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, v TEXT)",
        "INSERT INTO t VALUES ('é', 'a\U0001f600')",
    )
    plan, found, _ = read(url, "t")
    assert found.to_pylist() == [{"k": "é", "v": "a\U0001f600"}]
    assert [column.size_bytes for column in plan.totals.columns] == [2, 5]


def test_sqlite_numbers_beside_other_classes_keep_every_bit(tmp_path: Path) -> None:
    """As text each double is its own, where SQLite's printf() would write a neighbour's digits or lose a sign."""
    numbers = [sys.float_info.max, -1.1545580616824966e232, 5e-324, 0.1, 1e300, 2.0**60, 1e16, -0.0, math.inf]
    path = tmp_path / "a.db"
    url = make(path, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (0, 'text')")
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO t VALUES (?, ?)", enumerate(numbers, start=1))
    connection.close()
    _, found, _ = read(url, "t")
    texts = found.column("v").to_pylist()[1:]
    assert [struct.pack("d", float(text)) for text in texts] == [struct.pack("d", number) for number in numbers]
    assert [texts[3], texts[5], texts[-1]] == ["0.10000000000000001", "1.152921504606847e+18", "Inf"]


def test_sqlite_numbers_beside_documents_keep_every_bit(tmp_path: Path) -> None:
    """Where texts, bytes and numbers of one column become bytes, a number's are its 17 digits."""
    url = make(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
        "INSERT INTO t VALUES (1, x'00'), (2, 0.1 + 0.2)",
    )
    _, found, _ = read(url, "t", file_columns=frozenset({"v"}))
    assert found.column("v").to_pylist() == [b"\x00", b"0.30000000000000004"]


def test_sqlite_documents_stored_partly_as_text_are_carried_as_bytes(tmp_path: Path) -> None:
    """A document is its bytes, whatever storage class a program chose; the class stays beside it."""
    url = make(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)",
        "INSERT INTO t VALUES (1, x'00ff'), (2, 'é'), (3, NULL)",
    )
    plan, found, _ = read(url, "t", file_columns=frozenset({"v"}))
    assert found.column("v").to_pylist() == [b"\x00\xff", "é".encode(), None]
    assert found.column("v__typeof").to_pylist() == ["blob", "text", "null"]
    assert found.column("v__size").to_pylist() == [2, 2, None]
    assert plan.schema.names == ["id", "v", "v__size", "v__typeof"]


def test_sqlite_catalogue_tells_what_the_file_declares(tmp_path: Path) -> None:
    """Keys, references, checks, indexes, collations, defaults, views, triggers and sequences."""
    url = make(
        tmp_path / "a.db",
        "CREATE TABLE client (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE COLLATE NOCASE,"
        " kind TEXT DEFAULT 'x' CHECK (kind IN ('x', 'y')), twice AS (id * 2))",
        "CREATE TABLE matter (client INT REFERENCES client ON DELETE CASCADE, no INT, PRIMARY KEY (client, no))"
        " WITHOUT ROWID",
        "CREATE INDEX by_no ON matter (no)",
        "CREATE VIEW v AS SELECT id FROM client",
        "CREATE TRIGGER tr AFTER INSERT ON matter BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE search USING fts5(body)",
        "INSERT INTO client (code) VALUES ('a')",
    )
    schema = discover(url)
    tables = {table.name: table for table in schema.tables}
    assert set(tables) == {"client", "matter", "search"}
    client, matter = tables["client"], tables["matter"]
    assert [column.name for column in client.columns] == ["id", "code", "kind", "twice"]
    assert client.column("id").identity
    assert client.column("code").collation == "NOCASE"
    assert client.column("kind").default == "'x'"
    assert client.column("twice").generated == "virtual"
    assert [key.columns for key in client.unique_keys] == [("code",)]
    assert [check.expression for check in client.checks] == ["kind IN ('x', 'y')"]
    assert matter.primary_key is not None
    assert matter.primary_key.columns == ("client", "no")
    assert matter.foreign_keys == (
        ForeignKey(
            name=None,
            columns=("client",),
            target_schema="main",
            target_table="client",
            target_columns=("id",),
            on_update="NO ACTION",
            on_delete="CASCADE",
        ),
    )
    assert [index.name for index in matter.indexes] == ["by_no"]
    assert [view.name for view in schema.views] == ["v"]
    assert [routine.name for routine in schema.routines] == ["tr"]
    assert [(sequence.name, sequence.value) for sequence in schema.sequences] == [("client", "1")]
