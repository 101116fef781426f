"""SQLite through the Arrow driver: the plan, totals, rows and ledger that lines give, and a snapshot that holds."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from portability.connectors import open_connector, sqlite, sqlite_arrow, sqlite_survey
from portability.connectors.connector import SourceException, TablePlan
from portability.connectors.sqlite import SqliteSnapshot
from portability.connectors.testing import SourceDatabase
from portability.connectors.testing_types import load_cases, make_cases
from portability.limits import Limits
from tests.connectors.databases import ParquetConformance, SqliteDatabase

pytest.importorskip("adbc_driver_sqlite")

NEVER = 1 << 60
INSERT = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0.1); c.execute('INSERT INTO t VALUES (9)')"
DECLARED = ("TEXT", "INTEGER", "DECIMAL(10,2)", "DECIMAL(38,4)", "REAL", "BLOB", "", "BOOLEAN", "DATE", "TIMESTAMP")
FIRST: dict[str, list[Any]] = {
    "DATE": ["2020-02-29", None],
    "TIMESTAMP": [
        "2020-02-29 23:59:59",
        "2020-02-29T23:59:59.5",
        "2020-01-01 00:00:00.123456",
        "2020-01-01 00:00:00+00:00",
    ],
    "BOOLEAN": [1, 2],
    "DECIMAL(10,2)": [1.25, 3, 1e300],
    "": ["a", 1, 1.5, b"a"],
}
VALUES: list[Any] = [
    *(None, 0, -1, 2, 2**63 - 1, -(2**63), 0.5, -0.0, 1e300, float("inf"), 9007199254740993, 12345.678),
    *("", "x", "é", "\x00", "a\x00b", '"', "a\nb", "12", "1.50", b"", b"x", b"\xff\x00", "x" * 5000),
    *("2020-02-30", "2020-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "20200101", " 2020-01-01", "2020-1-1"),
    *(
        "2020-01-01 00:00:00",
        "2020-01-01T00:00:00",
        "2020-01-01t00:00:00",
        "2020-01-01 24:00:00",
        "0000-12-31 00:00:00",
    ),
    *("2020-01-01 23:59:60", "2020-01-01 00:00:00.", "2020-01-01 00:00:00.1", "2020-01-01T00:00:00.123456"),
    *("2020-01-01 00:00:00.1234567", "2020-01-01 00:00:00Z", "2020-01-01 00:00:00.1Z", "2020-01-01 00:00:00.1 "),
    *(
        "2020-01-01 00:00",
        "2020-01-01 00:00:00+01",
        "2020-01-01 00:00:00-05:00",
        "2020-01-01 00:00:00,5",
        "9999-12-31 23:59:59",
    ),
]


@pytest.fixture(autouse=True)
def _every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a file is, the driver opens it."""
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", 0)


class TestSqliteAsArrow(ParquetConformance):
    """The whole contract again."""

    presumes = True

    @pytest.fixture
    def database(self, tmp_path: Path) -> SourceDatabase:
        return SqliteDatabase(tmp_path)

    def test_a_value_too_long_refutes_the_presumption_and_is_never_held(self, database: SourceDatabase) -> None:
        """Long values are known of before anything is read: nothing is presumed of their table."""
        database.create("q", {"id": "int", "txt": "text"}, [(1, "a"), (2, "é" * 3000), (3, None)], key=["id"])
        with self.open(database, inline_value_bytes=1000).snapshot() as snapshot:
            assert snapshot.presume(self.table(snapshot, "q")) is None


def _pairs() -> Iterator[tuple[str, Any, Any]]:
    for declared in DECLARED:
        for first in FIRST.get(declared, [VALUES[1], "x"]):
            for second in VALUES:
                yield declared, first, second


def carried(url: str, *, limits: Limits | None = None) -> tuple[dict[str, tuple[Any, ...]], int]:
    """Plan and read every table; return what came of each, and how many were read as Arrow."""
    found, arrows = {}, 0
    with open_connector(url, limits=limits or Limits()).snapshot() as snapshot:
        assert isinstance(snapshot, SqliteSnapshot)
        for table in snapshot.discover().tables:
            plan = snapshot.plan(table)
            arrows += snapshot._arrow_columns(plan) is not None
            rows = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
            found[table.name] = (plan, rows, list(snapshot.exceptions(plan)))
    return found, arrows


def assert_alike(first: dict[str, tuple[Any, ...]], second: dict[str, tuple[Any, ...]]) -> None:
    """Both readings gave the same plans, rows and exceptions."""
    assert first.keys() == second.keys()
    for name, one in first.items():
        plan, rows, exceptions = one
        other_plan, other_rows, other_exceptions = second[name]
        assert plan == other_plan, name
        # Not by their values: a negative zero is none, and what is no number equals nothing.
        assert [bits(column) for column in rows.columns] == [bits(column) for column in other_rows.columns], name
        assert exceptions == other_exceptions, name


def bits(column: pa.ChunkedArray) -> list[Any]:
    """What a column holds, its floats to the bit."""
    return [value.hex() if isinstance(value, float) else value for value in column.to_pylist()]


@pytest.mark.slow
def test_sqlite_any_value_after_any_other_is_carried_as_it_is_without_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guess from the first row never decides how a later one travels: every declaration, every pair of values."""
    monkeypatch.setattr(sqlite_survey, "_SAMPLE_ROWS", 1)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number, (declared, first, second) in enumerate(_pairs()):
            connection.execute(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, v {declared})")
            connection.executemany(f"INSERT INTO t{number} (v) VALUES (?)", [(first,), (second,), (None,)])
        connection.execute("CREATE TABLE broken (id INTEGER PRIMARY KEY, v TEXT, d DATE)")
        connection.execute(
            "INSERT INTO broken VALUES (1, 'a', '2020-01-01'), (2, CAST(x'e9' AS TEXT), CAST(x'ff' AS TEXT))"
        )
        connection.commit()
    as_arrow, arrows = carried(f"sqlite:///{path}")
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    as_lines, none = carried(f"sqlite:///{path}")
    assert_alike(as_arrow, as_lines)
    assert arrows > len(as_arrow) / 3
    assert not none


def test_sqlite_type_cases_are_the_same_with_and_without_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every case of the forty that SQLite has."""
    database = SqliteDatabase(tmp_path)
    make_cases(database, load_cases("sqlite"))
    as_arrow, _ = carried(database.url)
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    assert_alike(as_arrow, carried(database.url)[0])


def test_sqlite_columns_that_begin_with_nulls_keep_their_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver would take a first batch of nulls for integers; a column without any value is one as well."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        kinds = "s TEXT, r REAL, b BLOB, d DATE, t TIMESTAMP, m DECIMAL(9,2), i INT, e TEXT, z TEXT"
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {kinds})")
        connection.executemany("INSERT INTO t (z) VALUES (?)", [("",)] * 100)
        last = ("x", 0.5, b"", "2020-01-01", "2020-01-01 00:00:00", 1.25, 7, None, "")
        connection.execute(f"INSERT INTO t VALUES (101, {', '.join('?' * len(last))})", last)
        connection.commit()
    limits = Limits(batch_rows=16)
    as_arrow, arrows = carried(f"sqlite:///{path}", limits=limits)
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    assert_alike(as_arrow, carried(f"sqlite:///{path}", limits=limits)[0])
    assert arrows == 1


def test_sqlite_sums_beyond_64_bits_are_exact(tmp_path: Path) -> None:
    """SQLite's own sum() refuses them."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
        connection.executemany("INSERT INTO t (v) VALUES (?)", [(2**63 - 1,)] * 3)
        connection.commit()
    found, arrows = carried(f"sqlite:///{path}")
    plan: TablePlan = found["t"][0]
    assert [column.sum for column in plan.totals.columns] == ["6", str(3 * (2**63 - 1))]
    assert arrows == 1


@pytest.mark.parametrize("least", [0, NEVER])
def test_sqlite_writers_wait_until_the_snapshot_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    """Whoever closes a file loses the process's locks on it: nothing may do so while the snapshot is open."""
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", least)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    command = [sys.executable, "-c", f"{INSERT}; c.commit()", str(path)]
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        plan = snapshot.plan(table)
        before = list(snapshot.read(plan))
        assert b"locked" in subprocess.run(command, capture_output=True, check=False).stderr
        assert list(snapshot.read(plan)) == before
    subprocess.run(command, check=True)


def test_sqlite_log_that_holds_something_is_not_read_past(tmp_path: Path) -> None:
    """What a write-ahead log holds is part of the snapshot; the driver would not see it. What comes later is not."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        found, arrows = carried(f"sqlite:///{path}")
        assert (found["t"][1].num_rows, arrows) == (1, 0)
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        assert isinstance(snapshot, SqliteSnapshot)
        assert snapshot.arrow is not None
        (table,) = snapshot.discover().tables
        subprocess.run([sys.executable, "-c", f"{INSERT}; c.commit()", str(path)], check=True)
        plan = snapshot.plan(table)
        assert pa.Table.from_batches(snapshot.read(plan)).column("id").to_pylist() == [1]


def test_sqlite_driver_that_cannot_open_the_file_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows come as lines then, and the transaction has its locks."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        connection.commit()
    monkeypatch.setattr(sqlite_arrow, "percent_quote", lambda name: f"{name}.none")
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        assert isinstance(snapshot, SqliteSnapshot)
        assert snapshot.arrow is None
        assert snapshot.identity is not None
        command = [sys.executable, "-c", f"{INSERT}; c.commit()", str(path)]
        assert b"locked" in subprocess.run(command, capture_output=True, check=False).stderr


def test_sqlite_exceptions_are_those_of_the_lines(tmp_path: Path) -> None:
    """A text that is not UTF-8 after many that are."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
        connection.executemany("INSERT INTO t (v) VALUES (?)", [("café",)] * 2000)
        connection.execute("INSERT INTO t VALUES (2001, CAST(x'636166e9' AS TEXT))")
        connection.commit()
    _, rows, exceptions = carried(f"sqlite:///{path}")[0]["t"]
    ledger: list[SourceException] = exceptions
    assert rows.column("v").null_count == 1
    assert [(each.key, each.raw) for each in ledger] == [(("2001",), b"caf\xe9")]


def test_rows_are_in_the_order_of_their_key_whatever_columns_are_called(tmp_path: Path) -> None:
    """No name of a column is taken for the place of a result."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (C1 TEXT NOT NULL PRIMARY KEY, c0 INT)")
        connection.execute("INSERT INTO t VALUES ('b', 1), ('a', 3), ('c', 2)")
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        plan = snapshot.plan(table)
        found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
    assert found.column("C1").to_pylist() == ["a", "b", "c"]
