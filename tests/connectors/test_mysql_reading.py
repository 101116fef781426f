"""MariaDB's rows in bulk, and the second session of its snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pymysql
import pytest

from portability.connectors import Snapshot, TablePlan, open_connector
from portability.connectors.mysql import MysqlSnapshot
from portability.connectors.mysql_aside import BEGIN, begin_together
from portability.errors import SourceDataError
from portability.limits import DEFAULT_LIMITS
from portability.manifest import Table
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase

Session = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def database(mariadb_url: MakeDatabase) -> MariadbDatabase:
    """An empty database."""
    return MariadbDatabase(mariadb_url())


@pytest.fixture
def connect(database: MariadbDatabase) -> Iterator[Callable[[], Session]]:
    """Open sessions, each of which fetches what a query answers."""
    opened: list[pymysql.Connection[Any]] = []

    def open_session() -> Session:
        parts = urlsplit(database.url)
        opened.append(
            pymysql.connect(
                host=parts.hostname, port=parts.port or 0, user="root", database=parts.path[1:], autocommit=True
            )
        )
        connection = opened[-1]

        def fetch(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())

        return fetch

    yield open_session
    for connection in opened:
        connection.close()


def table_of(snapshot: Snapshot, name: str = "t") -> Table:
    """Return a discovered table."""
    (found,) = [table for table in snapshot.discover().tables if table.name == name]
    return found


def read(snapshot: Snapshot, plan: TablePlan) -> pa.Table:
    """Read a planned table."""
    return pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)


# -- rows -------------------------------------------------------------------------------------------------------------


def test_mariadb_rows_of_every_length_of_value_are_cut_exactly(database: MariadbDatabase) -> None:
    """Around each border of how a length is told, null and empty told apart, over many blocks."""
    lengths = [0, 1, 249, 250, 251, 252, 253, 254, 255, 256, 65_535, 65_536, 70_000, 300_000]
    pairs = [
        (n, None if n % 5 == 3 else lengths[n % len(lengths)], lengths[(n * 3) % len(lengths)]) for n in range(400)
    ]
    database.execute("CREATE TABLE t (id int PRIMARY KEY, a longtext CHARACTER SET latin1, b longblob NOT NULL)")
    values = ", ".join(f"({n}, REPEAT('e', {'NULL' if a is None else a}), REPEAT(X'FE', {b}))" for n, a, b in pairs)
    database.execute(f"INSERT INTO t VALUES {values}")
    with open_connector(database.url).snapshot() as snapshot:
        found = read(snapshot, snapshot.plan(table_of(snapshot))).to_pylist()
    assert found == [{"id": n, "a": None if a is None else "e" * a, "b": b"\xfe" * b} for n, a, b in pairs]


def test_mariadb_row_of_several_packets_is_joined(database: MariadbDatabase) -> None:
    """Rows beyond 16 MiB, also one of exactly a packet's length, and small ones between them."""
    sizes = [7_000_000, 3]
    columns = ["a", "b", "c", "d", "e"]
    database.execute(f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'{name} longblob' for name in columns)})")
    for number, size in enumerate(sizes):
        values = ", ".join(f"REPEAT('{name}', {size})" for name in columns)
        database.execute(f"INSERT INTO t VALUES ({number}, {values})")
    # One packet of 0xFFFFFF bytes: 1 of length and 1 of value for id, 4 of length for each of the rest.
    rest = 0xFFFFFF - 2 - 5 * 4
    exact = [rest // 5] * 4 + [rest - 4 * (rest // 5)]
    values = ", ".join(f"REPEAT('{name}', {size})" for name, size in zip(columns, exact, strict=True))
    database.execute(f"INSERT INTO t VALUES (9, {values})", "INSERT INTO t (id) VALUES (10)")
    limits = replace(DEFAULT_LIMITS, inline_value_bytes=8 * 1024 * 1024)
    with open_connector(database.url, limits=limits).snapshot() as snapshot:
        found = read(snapshot, snapshot.plan(table_of(snapshot))).to_pylist()
    expected = {n: [size] * 5 for n, size in enumerate(sizes)} | {9: exact}
    assert [row["id"] for row in found] == [*expected, 10]
    for row in found[:-1]:
        assert [row[name] == name.encode() * n for name, n in zip(columns, expected[row["id"]], strict=True)] == [
            True
        ] * 5
    assert all(found[-1][name] is None for name in columns)


def test_mariadb_error_among_the_rows_stops_the_reading_and_not_the_snapshot(database: MariadbDatabase) -> None:
    """A value that the promised type cannot hold; afterwards the table is read by its measured plan."""
    database.execute(
        "SET SESSION sql_mode = ''",
        "CREATE TABLE t (id int PRIMARY KEY, d date, v varchar(200))",
        "INSERT INTO t SELECT seq, '2024-02-29', REPEAT('x', 200) FROM seq_1_to_60000",
    )
    database.execute("SET SESSION sql_mode = ''", "UPDATE t SET d = '0000-00-00' WHERE id = 100")
    with open_connector(database.url).snapshot() as snapshot:
        measuring = snapshot.presume(table_of(snapshot))
        assert measuring is not None
        with measuring:
            with pytest.raises(SourceDataError, match="declared type") as caught:
                read(snapshot, measuring.plan)
            assert "0000" not in str(caught.value)
            assert not measuring.holds()
        database.execute("DELETE FROM t WHERE id > 5")
        plan = measuring.settle()
        found = read(snapshot, plan)
        assert (found.num_rows, found["d"].null_count) == (60_000, 1)
        assert [(e.key, e.raw) for e in snapshot.exceptions(plan)] == [(("100",), b"0000-00-00")]


def test_mariadb_read_left_in_the_middle_leaves_the_snapshot(database: MariadbDatabase) -> None:
    """The server is told to stop; what it has sent already is dropped."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    database.execute("INSERT INTO t SELECT seq, REPEAT('x', 2000) FROM seq_1_to_20000")
    with open_connector(database.url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot))
        for _ in range(3):
            batches = snapshot.read(plan)
            next(batches)
            del batches
        database.execute("DELETE FROM t")
        assert read(snapshot, plan).num_rows == 20_000


def test_mariadb_text_column_of_any_character_set_is_sent_as_it_converts(database: MariadbDatabase) -> None:
    """The session's character set does for each column what CONVERT would."""
    sets = [
        "latin1",
        "latin2",
        "cp1250",
        "cp1251",
        "greek",
        "ucs2",
        "utf16",
        "utf32",
        "utf8mb3",
        "sjis",
        "big5",
        "koi8r",
    ]
    columns = ", ".join(f"c_{name} varchar(40) CHARACTER SET {name}" for name in sets)
    database.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    texts = {
        "latin1": "Café €ž",
        "latin2": "Žižka",
        "cp1250": "Łódź €",
        "cp1251": "Дело",
        "greek": "Ελλάς",
        "sjis": "日本",
        "big5": "中文",
        "koi8r": "Дело",
    }
    values = ", ".join(f"_utf8mb4 X'{texts.get(name, 'Ω日é').encode().hex()}'" for name in sets)
    database.execute(f"INSERT INTO t VALUES (1, {values})")
    with open_connector(database.url).snapshot() as snapshot:
        (row,) = read(snapshot, snapshot.plan(table_of(snapshot))).to_pylist()
    assert row == {"id": 1} | {f"c_{name}": texts.get(name, "Ω日é") for name in sets}


@pytest.mark.slow
def test_mariadb_text_that_the_server_would_cut_is_refused(database: MariadbDatabase) -> None:
    """MariaDB converts no more than a gigabyte of another character set, and says nothing of the rest."""
    ((packet,),) = fetch(database, "SELECT @@global.max_allowed_packet")
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v longtext CHARACTER SET latin1) ENGINE = MyISAM",
        f"SET GLOBAL max_allowed_packet = {1024**3}",
    )
    try:
        database.execute(f"INSERT INTO t VALUES (1, RPAD(_latin1'x', {1024**3}, _latin1'y'))")
    finally:
        database.execute(f"SET GLOBAL max_allowed_packet = {packet}")
    ((stored, converted),) = fetch(database, "SELECT length(v), length(CONVERT(v USING utf8mb4)) FROM t")
    assert (stored, converted < stored) == (1024**3, True)
    with (
        open_connector(database.url).snapshot() as snapshot,
        pytest.raises(SourceDataError, match="without cutting it") as caught,
    ):
        snapshot.plan(table_of(snapshot))
    assert "utf8mb4" in str(caught.value.hint)


def fetch(database: MariadbDatabase, sql: str) -> list[tuple[Any, ...]]:
    """Return what a query answers."""
    parts = urlsplit(database.url)
    with (
        pymysql.connect(host=parts.hostname, port=parts.port or 0, user="root", database=parts.path[1:]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
        return list(cursor.fetchall())


# -- what a reading proves --------------------------------------------------------------------------------------------


def measured_beside(snapshot: Snapshot) -> tuple[list[str], bool, TablePlan]:
    """Read ``t`` while it is measured; return what the second session was asked, whether that held, and its plan."""
    assert isinstance(snapshot, MysqlSnapshot)
    aside = snapshot.aside()
    assert aside is not None
    begun, rows = threading.Event(), aside.rows
    asked: list[str] = []

    def spied(sql: str) -> Iterator[tuple[Any, ...]]:
        asked.append(sql)
        assert begun.wait(60)
        return rows(sql)

    aside.rows = spied  # type: ignore[method-assign]
    measuring = snapshot.presume(table_of(snapshot))
    assert measuring is not None
    with measuring:
        with suppress(SourceDataError), closing(snapshot.read(measuring.plan)) as batches:
            begun.set() if next(batches, None) else None
            list(batches)
        begun.set()
        plan, holds = measuring.settle(), measuring.holds()
    aside.rows = rows  # type: ignore[method-assign]
    return asked, holds, plan


def test_mariadb_whole_reading_proves_dates_and_ascii_without_asking_the_server(database: MariadbDatabase) -> None:
    """One question in all, and the plan is that of a table which was measured first."""
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, d date, m datetime(6) NOT NULL, s timestamp(3) NULL,"
        " a varchar(20) CHARACTER SET ascii, e enum('x','y') CHARACTER SET ascii, z date)",
        "INSERT INTO t VALUES (1, '0001-01-01', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', 'abc', 'y', NULL),"
        " (2, NULL, '2024-02-29', NULL, NULL, NULL, NULL), (3, '2000-02-29', '1582-10-10', NULL, '', NULL, NULL)",
    )
    with open_connector(database.url).snapshot() as snapshot:
        asked, holds, plan = measured_beside(snapshot)
        assert plan == snapshot.plan(table_of(snapshot))
    assert holds
    assert len(asked) == 1
    assert "FROM_DAYS" not in asked[0]
    assert "CONVERT" not in asked[0]


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        ("date", "'0000-00-00'", b"0000-00-00"),
        ("date", "'0000-03-01'", b"0000-03-01"),
        ("date", "'2022-11-00'", b"2022-11-00"),
        ("date", "'2022-02-31'", b"2022-02-31"),
        ("datetime(6)", "'0000-12-31 23:59:59.5'", b"0000-12-31 23:59:59.500000"),
        ("datetime", "'2022-00-01'", b"2022-00-01 00:00:00"),
        ("timestamp NULL", "0", b"0000-00-00 00:00:00"),
        ("varchar(20) CHARACTER SET ascii", "X'41C3A9'", b"A\xc3\xa9"),
        ("char(3) CHARACTER SET ascii", "X'41FF'", b"A\xff"),
        ("text CHARACTER SET ascii", "X'FF'", b"\xff"),
        ("varchar(9) CHARACTER SET ucs2", "X'0041D800'", b"\x00A\xd8\x00"),
        ("text CHARACTER SET utf32", "X'0000DC00'", b"\x00\x00\xdc\x00"),
    ],
)
def test_mariadb_value_that_a_reading_does_not_prove_is_asked_for_and_kept_as_an_exception(
    database: MariadbDatabase, kind: str, value: str, raw: bytes
) -> None:
    """No calendar has it, no ASCII, or it is half a surrogate: also where Arrow takes the year 0, and what is UTF-8."""
    mode = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'"
    database.execute(mode, f"CREATE TABLE t (id int PRIMARY KEY, v {kind})", f"INSERT INTO t VALUES (1, {value})")
    database.execute("INSERT INTO t VALUES (2, NULL)")
    with open_connector(database.url).snapshot() as snapshot:
        asked, holds, plan = measured_beside(snapshot)
        assert plan == snapshot.plan(table_of(snapshot))
        assert [(e.key, e.raw) for e in snapshot.exceptions(plan)] == [(("1",), raw)]
        assert read(snapshot, plan)["v"].to_pylist() == [None, None]
    assert not holds
    assert len(asked) > 1


# -- the second session -----------------------------------------------------------------------------------------------


def test_mariadb_column_named_with_braces_keeps_what_does_not_fit_as_an_exception(database: MariadbDatabase) -> None:
    """A name is never taken for a place in a wording."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, `{}` date, `{0} {x}` date)")
    database.execute("INSERT IGNORE INTO t VALUES (1, '2020-01-31', '0000-00-00'), (2, '0000-00-00', '2020-01-31')")
    with open_connector(database.url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot))
        found = read(snapshot, plan)
        excepted = [(each.column, each.key, each.raw) for each in snapshot.exceptions(plan)]
    assert [[str(value) for value in row.values()] for row in found.to_pylist()] == [
        ["1", "2020-01-31", "None"],
        ["2", "None", "2020-01-31"],
    ]
    assert excepted == [("{}", ("2",), b"0000-00-00"), ("{0} {x}", ("1",), b"0000-00-00")]


def test_mariadb_second_session_sees_the_same_snapshot(database: MariadbDatabase) -> None:
    """What is written later is seen by neither."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with open_connector(database.url).snapshot() as snapshot:
        database.execute("INSERT INTO t VALUES (2)")
        measuring = snapshot.presume(table_of(snapshot))
        assert measuring is not None
        with measuring:
            assert measuring.settle().totals.rows == 1
            assert read(snapshot, measuring.plan)["id"].to_pylist() == [1]


def test_mariadb_table_outside_the_snapshot_is_measured_first(database: MariadbDatabase) -> None:
    """Only of InnoDB do two sessions surely see the same."""
    database.execute("CREATE TABLE t (id int) ENGINE = MyISAM")
    with open_connector(database.url).snapshot() as snapshot:
        assert snapshot.presume(table_of(snapshot)) is None


@pytest.mark.parametrize("began", ["before", "between"])
def test_mariadb_commit_between_two_snapshots_is_noticed(
    database: MariadbDatabase, connect: Callable[[], Session], began: str
) -> None:
    """Also that of a transaction which had written before the first of them."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    first, second, writer = connect(), connect(), connect()
    tries: list[int] = []

    def disturbed(sql: str) -> list[tuple[Any, ...]]:
        if sql == BEGIN:
            tries.append(len(tries))
            writer("COMMIT" if began == "before" else f"INSERT INTO t VALUES ({tries[-1]})")
        found = second(sql)
        if began == "before" and sql != BEGIN:
            _begin_writing(writer, len(tries))
        return found

    if began == "before":
        _begin_writing(writer, -1)
    assert not begin_together(first, disturbed)
    assert len(tries) > 1
    assert begin_together(first, second)


def _begin_writing(session: Session, number: int) -> None:
    session("BEGIN")
    session(f"REPLACE INTO t VALUES ({number})")
