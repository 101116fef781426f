"""MariaDB's keys compared exactly: texts beside numbers, fields of bits, years, and what else it calls equal."""

from __future__ import annotations

import pytest

from portability.connectors import Snapshot, open_connector
from portability.scoping.filters import Among, Condition, Reaches, RowFilter
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase


@pytest.fixture
def database(mariadb_url: MakeDatabase) -> MariadbDatabase:
    """An empty database."""
    return MariadbDatabase(mariadb_url())


def ids(snapshot: Snapshot, name: str, condition: Condition) -> list[int]:
    """The ids of a table's rows that meet a condition, read whole and counted."""
    tables = snapshot.discover().tables
    (table,) = [each for each in tables if each.name == name]
    rows = RowFilter(condition=condition, tables=tables)
    plan = snapshot.plan(table, rows=rows)
    found = [number for batch in snapshot.read(plan) for number in batch.column("id").to_pylist()]
    assert len(found) == snapshot.count(table, rows)
    return sorted(found)


def named(column: str, *values: str) -> Among:
    """The rows where a column has one of these values."""
    return Among(columns=(column,), values=tuple((value,) for value in values))


def test_mariadb_text_key_is_never_compared_as_a_number(database: MariadbDatabase) -> None:
    """The server itself says '2abc' = 2, '02' = 2 and '2 ' = '2'."""
    database.execute(
        "CREATE TABLE firm (id int PRIMARY KEY, code varchar(10), number int)",
        "INSERT INTO firm VALUES (1, '2', 2), (2, '2abc', 20), (3, '02', 200), (4, '2 ', 2000), (5, ' 2', 22)",
        "CREATE TABLE by_text (id int PRIMARY KEY, firm varchar(10), KEY (firm))",
        "INSERT INTO by_text VALUES (1, '2'), (2, '2abc'), (3, '02'), (4, '2 '), (5, '2.0')",
        "CREATE TABLE by_number (id int PRIMARY KEY, firm int)",
        "INSERT INTO by_number VALUES (1, 2), (2, 20)",
    )
    with open_connector(database.url).snapshot() as snapshot:
        assert ids(snapshot, "firm", named("code", "2")) == [1]
        assert ids(snapshot, "firm", named("code", "2abc")) == [2]
        assert ids(snapshot, "firm", named("number", "2abc", "02", "2 ", " 2")) == []
        assert ids(snapshot, "firm", named("number", "2")) == [1]
        two = named("number", "2")
        to_code = Reaches(columns=("firm",), table=("main", "firm"), to_columns=("code",), rows=two)
        to_number = Reaches(columns=("firm",), table=("main", "firm"), to_columns=("number",), rows=two)
        assert ids(snapshot, "by_text", to_code) == [1]
        assert ids(snapshot, "by_text", to_number) == [1]
        assert ids(snapshot, "by_number", to_code) == [1]
        every = Reaches(
            columns=("firm",), table=("main", "firm"), to_columns=("number",), rows=named("id", "1", "2"), no=True
        )
        assert ids(snapshot, "by_text", every) == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("kind", "held", "value", "expected"),
    [
        ("bit(4)", ["b'10'", "b'1010'"], "1010", [2]),
        ("bit(4)", ["b'10'", "b'1010'"], "10", []),
        ("bit(1)", ["b'0'", "b'1'"], "1", [2]),
        ("year", ["1999", "0"], "99", []),
        ("year", ["1999", "0"], "1999", [1]),
        ("year", ["2000", "0"], "0000", [2]),
        ("date", ["'2024-01-01'", "'2024-01-02'"], "2024-1-1", []),
        ("date", ["'2024-01-01'", "'2024-01-02'"], "2024-01-02", [2]),
        ("uuid", ["'123e4567-e89b-12d3-a456-426614174000'", "UUID()"], "123E4567-E89B-12D3-A456-426614174000", []),
        ("uuid", ["'123e4567-e89b-12d3-a456-426614174000'", "UUID()"], "123e4567-e89b-12d3-a456-426614174000", [1]),
        ("decimal(20,8)", ["0", "1.5"], "1.50000000", [2]),
        ("enum('1','2')", ["'2'", "'1'"], "1", [2]),
    ],
)
def test_mariadb_key_is_found_by_what_it_reads_alone(
    database: MariadbDatabase, kind: str, held: list[str], value: str, expected: list[int]
) -> None:
    """Whatever else the server would take for equal."""
    rows = ", ".join(f"({number}, {each})" for number, each in enumerate(held, 1))
    database.execute(f"CREATE TABLE t (id int PRIMARY KEY, k {kind})", f"INSERT INTO t VALUES {rows}")
    with open_connector(database.url).snapshot() as snapshot:
        assert ids(snapshot, "t", named("k", value)) == expected


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("bit(4)", "b'10'", "b'1010'"),
        ("year", "0", "2000"),
        ("decimal(20,8)", "0", "0.00000001"),
        ("varchar(9) COLLATE utf8mb4_bin", "'2'", "'2abc'"),
        ("enum('2','1')", "'1'", "'2'"),
        ("time(3)", "'-838:59:58.5'", "'00:00:00'"),
    ],
)
def test_mariadb_long_value_is_fetched_by_exactly_its_key(
    database: MariadbDatabase, kind: str, first: str, second: str
) -> None:
    """A field of bits written as a number, say, would name another row."""
    database.execute(
        f"CREATE TABLE t (k {kind} NOT NULL PRIMARY KEY, n int, v longblob)",
        f"INSERT INTO t VALUES ({first}, 1, REPEAT('1', 8400000)), ({second}, 2, REPEAT('2', 8400000))",
    )
    with open_connector(database.url).snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        plan = snapshot.plan(table)
        found = {
            row["n"]: b"".join(snapshot.read_value(plan, "v", [row["k"]]))
            for batch in snapshot.read(plan)
            for row in batch.select(["k", "n"]).to_pylist()
        }
    assert {number: (len(value), value[:1]) for number, value in found.items()} == {
        1: (8_400_000, b"1"),
        2: (8_400_000, b"2"),
    }
