"""SQLite's tables read while they are measured: the quick way gives what the slow one gives, and holds no long row."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from portability.connectors import open_connector, sqlite
from portability.connectors.connector import TablePlan
from portability.connectors.sqlite import SqliteSnapshot
from portability.errors import ConnectorError
from portability.limits import Limits
from tests.connectors.test_sqlite_arrow import NEVER, VALUES, assert_alike, carried

pytest.importorskip("adbc_driver_sqlite")

LIMITS = Limits(batch_rows=256)
ROWS = 700
KEYS = ("INTEGER PRIMARY KEY", "BIGINT NOT NULL PRIMARY KEY", "TEXT PRIMARY KEY", "TEXT NOT NULL UNIQUE", "INT")
PLAIN: dict[str, Any] = {
    "TEXT": lambda dice: "ä" * dice.randrange(40),
    "INTEGER": lambda dice: dice.randrange(-(2**63), 2**63),
    "INT NOT NULL": lambda dice: dice.randrange(100),
    "DECIMAL(10,2)": lambda dice: dice.randrange(-(10**10) + 1, 10**10) / 100,
    "DECIMAL(19,4) NOT NULL": lambda dice: dice.randrange(-(2**52) + 1, 2**52) / 10_000,
    "REAL": lambda dice: dice.choice([dice.random() * 1e-300, -0.0, 1 / 3, float("inf")]),
    "BLOB": lambda dice: dice.randbytes(dice.randrange(9)),
    "BOOLEAN": lambda dice: dice.randrange(2),
    "DATE": lambda dice: f"{dice.randrange(1, 9999):04}-02-28",
    "TIMESTAMP": lambda dice: f"2020-01-01 00:00:{dice.randrange(60):02}",
    "": lambda dice: dice.randrange(9),
}


@pytest.fixture(autouse=True)
def _every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a file is, the driver opens it."""
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", 0)


def fill_at_random(connection: sqlite3.Connection, name: str, dice: random.Random) -> None:
    """A table of some columns; some are as declared, some have a value that is not, somewhere."""
    kinds = dice.sample(sorted(PLAIN), dice.randrange(1, 7))
    columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds))
    key = dice.choice(KEYS)
    connection.execute(f"CREATE TABLE {name} (id {key}, {columns})")
    rows = [[number, *(value_of(kind, dice) for kind in kinds)] for number in dice.sample(range(ROWS), ROWS)]
    if dice.random() < 0.5:
        odd = dice.randrange(len(kinds))
        if "NOT NULL" not in kinds[odd]:
            rows[dice.randrange(ROWS)][1 + odd] = dice.choice([*VALUES, "y" * 100_000])
    connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * (1 + len(kinds)))})", rows)


def value_of(kind: str, dice: random.Random) -> object:
    """A value as declared, or none."""
    return None if "NOT NULL" not in kind and dice.random() < 0.1 else PLAIN[kind](dice)


def presumed(url: str) -> tuple[dict[str, tuple[Any, ...]], int]:
    """Read every table while it is measured; return the plan, rows and exceptions of those whose reading stood."""
    found: dict[str, tuple[Any, ...]] = {}
    tables = 0
    with open_connector(url, limits=LIMITS).snapshot() as snapshot:
        for table in snapshot.discover().tables:
            tables += 1
            measuring = snapshot.presume(table)
            if measuring is None:
                continue
            with measuring:
                rows = None
                with suppress(ConnectorError):  # a value that the driver or its type refuses
                    rows = pa.Table.from_batches(snapshot.read(measuring.plan), schema=measuring.plan.schema)
                plan: TablePlan = measuring.settle()
                assert rows is not None or not measuring.holds()
                if measuring.holds():
                    found[table.name] = (plan, rows, list(snapshot.exceptions(plan)))
    return found, tables


def test_random_tables_are_read_alike_presumed_measured_and_as_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three ways give the same plans with their totals, the same rows to the bit, the same exceptions."""
    dice = random.Random(11)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for number in range(40):
            fill_at_random(connection, f"t{number}", dice)
    url = f"sqlite:///{path}"
    at_once, tables = presumed(url)
    measured, _ = carried(url, limits=LIMITS)
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    as_lines, _ = carried(url, limits=LIMITS)
    assert_alike(measured, as_lines)
    assert_alike(at_once, {name: as_lines[name] for name in at_once})
    assert tables / 4 < len(at_once) < tables


def longest_row(path: Path, name: str = "t") -> int | None:
    """What a snapshot says that no row of a table is longer than."""
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        assert isinstance(snapshot, SqliteSnapshot)
        return snapshot._longest_row(next(table for table in snapshot.discover().tables if table.name == name))


@pytest.mark.parametrize(
    ("statements", "longest"),
    [
        (["CREATE TABLE t (v)", "INSERT INTO t VALUES (hex(zeroblob(2000))), ('x')"], 4000),
        (["CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID", "INSERT INTO t VALUES ('a', zeroblob(9000))"], 9000),
        (["CREATE TABLE t (v)", "INSERT INTO t VALUES (1)", f"ALTER TABLE t ADD w DEFAULT '{'é' * 3000}'"], 6000),
        (["CREATE TABLE t (v)", "CREATE TABLE u (v)", "INSERT INTO u VALUES (zeroblob(9000))"], 0),
    ],
)
def test_the_longest_row_of_a_table_is_known_before_it_is_read(
    tmp_path: Path, statements: list[str], longest: int
) -> None:
    """Wherever its values are kept: in rows, in the key's tree, in the declaration; another table's do not count."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    found = longest_row(path)
    assert found is not None
    assert longest <= found < longest + 100


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE t (v)", "INSERT INTO t VALUES (zeroblob(1000000))"],
        ["CREATE TABLE t (v, w AS (hex(zeroblob(1000000))))", "INSERT INTO t (v) VALUES (1)"],
        ["CREATE TABLE t (v)", "CREATE TABLE dbstat (name, mx_payload)", "INSERT INTO dbstat VALUES ('t', 1)"],
    ],
)
def test_a_table_whose_rows_may_be_long_is_measured_before_it_is_read(tmp_path: Path, statements: list[str]) -> None:
    """A long row, a column that is computed when it is asked for, a file that hides SQLite's own list of pages."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    assert longest_row(path) is None
    with open_connector(f"sqlite:///{path}").snapshot() as snapshot:
        table = next(table for table in snapshot.discover().tables if table.name == "t")
        assert snapshot.presume(table) is None
        assert snapshot.plan(table).totals.rows == sum("INTO t" in statement for statement in statements)


@pytest.mark.parametrize("read", ["whole", "begun"])
@pytest.mark.parametrize("odd", ["NULL", "0.125", "'x'"])
def test_what_a_declaration_promises_in_vain_is_found_by_reading_or_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, read: str
) -> None:
    """A null where none is allowed, a number of too many places, a text: the plan is that of probes."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v DECIMAL(9,2), w INT)")
        connection.executemany("INSERT INTO t (v, w) VALUES (?, 1)", [(number / 100,) for number in range(2000)])
        connection.execute(f"INSERT INTO t (v, w) VALUES ({odd}, {odd})")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(replace(sql, '9,2)', '9,2) NOT NULL'), 'INT)', 'INT NOT NULL)')"
        )
        connection.commit()
    url = f"sqlite:///{path}"
    with open_connector(url, limits=LIMITS).snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        assert [column.nullable for column in table.columns] == [False, False, False]
        measuring = snapshot.presume(table)
        assert measuring is not None
        with measuring:
            with suppress(ConnectorError), closing(snapshot.read(measuring.plan)) as batches:
                next(batches)
                assert read == "begun" or list(batches)
            settled = measuring.settle()
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    with open_connector(url, limits=LIMITS).snapshot() as snapshot:
        assert settled == snapshot.plan(table)


@pytest.mark.parametrize(("odd", "storage"), [(7, "integer"), (2.5, "real")])
def test_a_number_in_a_column_that_was_declared_as_text_afterwards_keeps_its_class(
    tmp_path: Path, odd: float, storage: str
) -> None:
    """Compared with a text, it would be taken for the text that prints it."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        connection.executemany("INSERT INTO t (v) VALUES (?)", [*[("a",)] * 1500, (odd,)])
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ', v)', ', v TEXT)')")
        connection.commit()
    url = f"sqlite:///{path}"
    ((_, rows, _),) = carried(url, limits=LIMITS)[0].values()
    assert rows.slice(1500).to_pylist() == [{"id": 1501, "v": str(odd), "v__typeof": storage}]
    assert presumed(url) == ({}, 1)


def test_a_column_that_sqlite_computes_is_measured_and_read_by_the_same_sqlite(tmp_path: Path) -> None:
    """Two versions print a number by 15 or by 17 digits: totals of the one were no totals of the other."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (net REAL, gross TEXT AS (net || ' EUR'), digits INT AS (length(net)))")
        connection.executemany("INSERT INTO t (net) VALUES (?)", [(0.1 + 0.2,), (1 / 3,)])
        expected = connection.execute("SELECT gross, digits FROM t").fetchall()
    ((_, rows, _),) = carried(f"sqlite:///{path}")[0].values()
    assert [(row["gross"], row["digits"]) for row in rows.to_pylist()] == expected


def test_table_of_nine_hundred_columns_is_read_as_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite refuses an expression that is deeper than a thousand."""
    monkeypatch.setattr(sqlite, "ARROW_BYTES_MIN", NEVER)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE t ({', '.join(f'c{number}' for number in range(900))})")
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * 900)})", range(900))
    ((_, rows, _),) = carried(f"sqlite:///{path}")[0].values()
    assert list(rows.to_pylist()[0].values()) == list(range(900))
