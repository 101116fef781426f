"""The SQL scripts, run for real: every value comes back from DuckDB, SQLite, PostgreSQL and MariaDB as it was."""

from __future__ import annotations

import datetime as dt
import math
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest

from portability.manifest import Check, Column, Index, Key, SourceSchema, Table
from tests.conftest import MakeDatabase, lacking
from tests.formats.source_layers import (
    CONTENTS,
    NASTY,
    SOURCE,
    TYPES,
    Data,
    Practice,
    arrow_table,
    column,
    scripts_of,
    source_of,
    table_of,
    texts,
)
from tests.servers import MariaDBServer, find_binary

SAME_IN_MARIADB = "id i8 i16 i64 u8 u32 u64 money wide double short long raw scan".split()

# A SQLite table as its connector carries it: columns of several storage classes beside well-behaved ones.
MIXED: Data = {
    "id": (pa.int64(), "INTEGER", [1, 2, 3, 4, 5]),
    "any": (pa.string(), "", ["1", "1.5", "it's\0x", "00FF", None]),
    "any__typeof": (pa.string(), "", ["integer", "real", "text", "blob", "null"]),
    "scan": (pa.binary(), "BLOB", [b"text", None, b"\x00\xff", b"12", None]),
    "scan__typeof": (pa.string(), "", ["text", "blob", "blob", "integer", "null"]),
    "scan__file": (
        pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())]),
        "",
        [None, {"sha256": "ab" * 32, "size_bytes": 5}, None, None, None],
    ),
    "amount": (pa.decimal128(10, 2), "DECIMAL(10,2)", ["1.50", "2.00", "-0.01", None, None]),
    "opened": (pa.date32(), "DATE", [dt.date(2024, 2, 29), None, None, None, None]),
}


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    """The source layer with every type, of a DBMS that none of the dialects is."""
    return Practice(tmp_path, SOURCE, CONTENTS)


# -- run for real -----------------------------------------------------------------------------------------------------


def test_duckdb_scripts_bring_every_value_back(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The DuckDB tables equal the Parquet files, read by position."""
    monkeypatch.chdir(practice.data)
    connection = duckdb.connect()
    for name in ("create", "load", "constrain"):
        connection.execute(practice.text("duckdb", name))
    differences = connection.execute("""
        SELECT count(*) FROM (SELECT * FROM types EXCEPT ALL SELECT * FROM 'source/public.types.parquet')
    """).fetchone()
    assert differences == (0,)
    assert connection.execute("SELECT count(*) FROM types").fetchone() == (4,)
    assert connection.execute('SELECT id, "Type", type_2 FROM "Order ""Lines""; DROP TABLE x --_"').fetchall() == [
        (10, 1, "a"),
        (11, None, "b"),
    ]
    with pytest.raises(duckdb.ConstraintException):
        connection.execute("INSERT INTO types (id) VALUES (1)")


def run_sqlite(practice: Practice, path: Path) -> sqlite3.Connection:
    """Run the SQLite scripts as its shell does: each `.read` is replaced by the file it names."""
    connection = sqlite3.connect(path)
    for name in ("create", "load", "constrain"):
        lines = practice.text("sqlite", name).splitlines()
        reads = [(practice.work / line[6:]).read_bytes().decode() for line in lines if line.startswith(".read ")]
        body = [line for line in lines if not line.startswith(".")]
        at = body.index("BEGIN;") + 1 if reads else 0
        connection.executescript("\n".join([*body[:at], *reads, *body[at:]]))
    return connection


def test_sqlite_scripts_bring_every_value_back(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Integers, floats and bytes come back as such; decimals, dates and uuids as exact text."""
    practice.write_csv("sqlite", monkeypatch)
    connection = run_sqlite(practice, practice.work / "firm.db")

    def found(name: str) -> list[Any]:
        return [row[0] for row in connection.execute(f'SELECT "{name}" FROM types ORDER BY id')]

    for name in ("id", "i8", "i16", "i64", "u8", "u32", "single", "double", "short", "long", "raw", "scan"):
        assert found(name) == column(name), name
    assert found("u64") == ["0", str(2**64 - 1), "1", None]
    assert found("money") == ["-0.0100", "999999999999999.9999", "0.0000", None]
    assert found("flag") == [1, 0, 1, None]
    assert found("doc") == TYPES["doc"][2]
    assert found("ref") == [None if value is None else str(value) for value in column("ref")]
    assert found("day") == ["0001-01-01", "9999-12-31", "2024-02-29", None]
    assert found("stamp")[1] == "9999-12-31 23:59:59.999999"
    assert found("moment")[1] == "2024-10-27 01:30:00.000001+00:00"
    assert found("span") == [-1, 3_020_399_999_999, 0, None]
    assert found("scan__file") == ["ab" * 32, None, None, None]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(connection.execute('PRAGMA foreign_key_list("Order ""Lines""; DROP TABLE x --_")').fetchall()) == 1
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO types (id) VALUES (1)")


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the sqlite3 shell is not installed")
def test_sqlite_scripts_run_in_the_shell(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the heads work as they stand."""
    practice.write_csv("sqlite", monkeypatch)
    for name in ("create", "load", "constrain"):
        with practice.script("sqlite", name).open("rb") as script:
            done = subprocess.run(
                [str(shutil.which("sqlite3")), "firm.db"],
                stdin=script,
                cwd=practice.work,
                capture_output=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (0, b""), name
    with sqlite3.connect(practice.work / "firm.db") as connection:
        assert connection.execute("SELECT long FROM types WHERE id = 1").fetchone() == (NASTY * 400,)


def psql(practice: Practice, url: str, name: str) -> None:
    """Run a script of PostgreSQL as its head says."""
    program = find_binary("psql")
    if program is None:
        lacking("psql is not installed")
    command = [
        str(program),
        "-X",
        "-q",
        "-d",
        url,
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        str(practice.script("postgresql", name)),
    ]
    done = subprocess.run(command, cwd=practice.work, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_postgresql_scripts_bring_every_value_back(
    practice: Practice, postgresql_url: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every column equals the file's, in PostgreSQL's own types."""
    url = postgresql_url()
    practice.write_csv("postgresql", monkeypatch)
    for name in ("create", "load", "constrain"):
        psql(practice, url, name)
    with psycopg.connect(url) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in TYPES:
            expected = column(name)
            select = f'"{name}"' + {"doc": "::text", "single": "::float8"}.get(name, "")
            found = [row[0] for row in connection.execute(f"SELECT {select} FROM types ORDER BY id".encode())]
            if name in {"scan__file", "span"}:
                expected = ["ab" * 32, None, None, None] if name == "scan__file" else TYPES["span"][2]
            assert found == expected, name
        assert constraint_names(connection) >= {"line_type", "line_key", "pk_types"}


def constraint_names(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the names of all constraints in the public schema."""
    query = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    return {row[0] for row in connection.execute(query)}


def mariadb(practice: Practice, server: MariaDBServer, url: str, name: str) -> None:
    """Run a script of MariaDB as its head says."""
    program = find_binary("mariadb")
    if program is None:
        lacking("mariadb is not installed")
    address = ["--no-defaults", "-h", "127.0.0.1", "-P", str(server.port), "-u", server.user]
    command = [str(program), *address, "--local-infile=1", url.rpartition("/")[2]]
    with practice.script("mariadb", name).open("rb") as script:
        done = subprocess.run(command, stdin=script, cwd=practice.work, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), name


def test_mariadb_scripts_bring_every_value_back(
    practice: Practice, mariadb_server: MariaDBServer, mariadb_url: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every column equals the file's, in MariaDB's own types."""
    url = mariadb_url()
    practice.write_csv("mariadb", monkeypatch)
    for name in ("create", "load", "constrain"):
        mariadb(practice, mariadb_server, url, name)

    def found(name: str) -> list[Any]:
        return [row[0] for row in mariadb_server.execute(f"SELECT `{name}` FROM types ORDER BY id", url)]

    for name in SAME_IN_MARIADB:
        assert found(name) == column(name), name
    assert found("stamp") == column("stamp")
    assert found("day") == column("day")
    assert found("flag") == [1, 0, 1, None]
    assert found("doc") == TYPES["doc"][2]
    assert found("moment")[1] == dt.datetime(2024, 10, 27, 1, 30, 0, 1)  # noqa: DTZ001 -- MariaDB's have no zone
    assert found("span") == [-1, 3_020_399_999_999, 0, None]
    assert found("scan__file")[0] == "ab" * 32
    made = {
        row[0]
        for row in mariadb_server.execute("SELECT constraint_name FROM information_schema.table_constraints", url)
    }
    assert {"line_type", "line_key"} <= made


# -- same DBMS --------------------------------------------------------------------------------------------------------


def test_sqlite_of_sqlite_keeps_declared_types_and_storage_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column of mixed values gets each value back with its class, by its sidecar."""
    columns = tuple(
        Column(name=name, position=n, native_type=native)
        for n, (name, (_, native, _)) in enumerate(MIXED.items(), start=1)
        if "__" not in name
    )
    table = Table(
        schema="main",
        name="t",
        columns=columns,
        file="source/main.t.parquet",
        checks=(Check(name=None, expression="id > 0"),),
    )
    source = SourceSchema(dbms="sqlite", dbms_version="3", default_schema="main", tables=(table,))
    practice = Practice(tmp_path, source, {table.file: arrow_table(MIXED)})
    practice.write_csv("sqlite", monkeypatch)
    connection = run_sqlite(practice, tmp_path / "again.db")
    assert [row[0] for row in connection.execute('SELECT "any" FROM t ORDER BY id')] == [
        1,
        1.5,
        "it's\0x",
        b"\0\xff",
        None,
    ]
    scans = [row[0] for row in connection.execute("SELECT scan FROM t ORDER BY id")]
    assert scans == ["text", None, b"\0\xff", 12, None]
    types = [row[2] for row in connection.execute("PRAGMA table_info(t)")]
    assert types == ["INTEGER", "", "BLOB", "TEXT", "DECIMAL(10,2)", "DATE"]
    assert connection.execute("SELECT amount, opened FROM t WHERE id = 1").fetchone() == (1.5, "2024-02-29")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO t (id) VALUES (0)")


def test_sqlite_floats_are_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand random doubles, and the special ones, survive the way through SQL text."""
    random.seed(7)
    values = [random.uniform(-1, 1) * 10 ** random.randint(-300, 300) for _ in range(1000)]
    values += [math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.0]
    data: Data = {
        "id": (pa.int64(), "bigint", list(range(len(values)))),
        "x": (pa.float64(), "double precision", values),
    }
    table = table_of("floats", data)
    practice = Practice(
        tmp_path,
        SourceSchema(dbms="other", dbms_version="1", default_schema="public", tables=(table,)),
        {table.file: arrow_table(data)},
    )
    practice.write_csv("sqlite", monkeypatch)
    connection = run_sqlite(practice, tmp_path / "f.db")
    assert [row[0] for row in connection.execute("SELECT x FROM floats ORDER BY id")] == values


@pytest.mark.parametrize(
    ("count", "native"), [(200, "varchar(60)"), (70, "varchar(255)"), (300, "text"), (2, "varchar(12000)")]
)
def test_mariadb_takes_tables_wider_than_its_row(
    tmp_path: Path, mariadb_server: MariaDBServer, mariadb_url: MakeDatabase, count: int, native: str
) -> None:
    """Types are widened until the table fits both of MariaDB's row limits, keys last of all."""
    table, arrow = texts(
        "wide",
        count,
        native,
        primary_key=Key(name=None, columns=("c1",)),
        indexes=(Index(name="i", columns=("c1", "c2")),),
    )
    read = scripts_of(source_of(table), tmp_path, arrow)
    url = mariadb_url()
    for name in ("create", "constrain"):
        (tmp_path / name).write_text(read("mariadb", name), encoding="utf-8")
        mariadb_server.load(tmp_path / name, url)
    assert len(mariadb_server.execute("SHOW COLUMNS FROM wide", url)) == count


def test_mariadb_keeps_keys_of_long_texts_apart(
    tmp_path: Path, mariadb_server: MariaDBServer, mariadb_url: MakeDatabase
) -> None:
    """A key of unbounded text becomes a unique one; values that differ in case or trailing space are different."""
    table, arrow = texts("t", 1, "text", primary_key=Key(name=None, columns=("c1",)))
    read = scripts_of(source_of(table), tmp_path, arrow)
    url = mariadb_url()
    for name in ("create", "constrain"):
        (tmp_path / name).write_text(read("mariadb", name), encoding="utf-8")
        mariadb_server.load(tmp_path / name, url)
    mariadb_server.execute("INSERT INTO t VALUES ('abc'), ('ABC'), ('abc '), ('äbc')", url)
    assert mariadb_server.execute("SELECT count(*) FROM t", url) == [(4,)]


def test_mariadb_time_is_loaded_from_its_microseconds(
    tmp_path: Path, mariadb_server: MariaDBServer, mariadb_url: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TIME of MariaDB travels as a duration and comes back as the same TIME."""
    data: Data = {
        "id": (pa.int32(), "int(11)", [1, 2, 3]),
        "t": (pa.duration("us"), "time(6)", [-3_020_399_000_000, 1_000_001, None]),
    }
    table = table_of("times", data)
    practice = Practice(tmp_path, source_of(table, dbms="mariadb"), {table.file: arrow_table(data)})
    practice.write_csv("mariadb", monkeypatch)
    url = mariadb_url()
    for name in ("create", "load", "constrain"):
        mariadb(practice, mariadb_server, url, name)
    found = mariadb_server.execute("SELECT CAST(t AS CHAR) FROM times ORDER BY id", url)
    assert found == [("-838:59:59.000000",), ("00:00:01.000001",), (None,)]
