"""The SQL scripts, run for real: every value comes back from DuckDB, SQLite, PostgreSQL and MariaDB as it was."""

# ruff: noqa: ANN401 -- values of any type are the subject

from __future__ import annotations

import datetime as dt
import math
import random
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from portability.formats.ddl import DIALECTS, write_ddl
from portability.formats.ddl.planning import plan_tables
from portability.manifest import (
    Check,
    Column,
    ColumnTotals,
    ControlTotals,
    ForeignKey,
    Index,
    Key,
    SourceSchema,
    Table,
    TableTotals,
)
from tests.conftest import MakeDatabase, lacking
from tests.servers import MariaDBServer, PostgreSQLServer, find_binary

Data: TypeAlias = dict[str, tuple[pa.DataType, str, list[Any]]]
"""Columns by name: Arrow type, native type, values."""

NASTY = "q\"uo'te, \\N back\\slash\ttab\r\nline\nNULL £ é 𝔘 \u202e end "
UTC = dt.UTC

# One column for each type that a connector writes: Arrow type, native type (PostgreSQL's), values of four rows.
TYPES: Data = {
    "id": (pa.int32(), "integer", [1, 2, 3, 4]),
    "i8": (pa.int8(), "tinyint", [-128, 127, 0, None]),
    "i16": (pa.int16(), "smallint", [-(2**15), 2**15 - 1, 0, None]),
    "i64": (pa.int64(), "bigint", [-(2**63), 2**63 - 1, 0, None]),
    "u8": (pa.uint8(), "tinyint unsigned", [0, 255, 1, None]),
    "u32": (pa.uint32(), "oid", [0, 2**32 - 1, 1, None]),
    "u64": (pa.uint64(), "bigint unsigned", [0, 2**64 - 1, 1, None]),
    "money": (pa.decimal128(19, 4), "numeric(19,4)", ["-0.0100", "999999999999999.9999", "0.0000", None]),
    "wide": (pa.decimal128(38, 10), "numeric(38,10)", ["-" + "9" * 28 + "." + "9" * 10, "0.0000000001", "1", None]),
    "single": (pa.float32(), "real", [0.1, -1.5e38, 16777216.0, None]),
    "double": (pa.float64(), "double precision", [0.1, 1e308, -5e-324, None]),
    "flag": (pa.bool_(), "boolean", [True, False, True, None]),
    "short": (pa.string(), "character varying(60)", [NASTY, "", "NULL", None]),
    "long": (pa.string(), "text", [NASTY * 400, "", "\\N", None]),
    "doc": (pa.json_(), "jsonb", ['{"a": 1.0}', "[]", '""', None]),
    "ref": (pa.uuid(), "uuid", [uuid.UUID(int=1), uuid.UUID(int=2**128 - 1), uuid.UUID(int=5), None]),
    "day": (pa.date32(), "date", [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29), None]),
    "stamp": (
        pa.timestamp("us"),
        "timestamp without time zone",
        [dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(2024, 3, 31, 1, 30), None],  # noqa: DTZ001 -- naive on purpose
    ),
    "moment": (
        pa.timestamp("us", tz="UTC"),
        "timestamp with time zone",
        [dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2024, 10, 27, 1, 30, 0, 1, UTC), None, None],
    ),
    "clock": (
        pa.time64("us"),
        "time without time zone",
        [dt.time(0), dt.time(23, 59, 59, 999999), dt.time(1, 2), None],
    ),
    "span": (pa.duration("us"), "time", [-1, 3_020_399_999_999, 0, None]),
    "raw": (pa.binary(), "bytea", [b"\x00\xff\"',\n\\", b"", b"\\x00", None]),
    "scan": (pa.binary(), "bytea", [None, b"", None, None]),
    "scan__file": (
        pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())]),
        "",
        [{"sha256": "ab" * 32, "size_bytes": 5}, None, None, None],
    ),
}
LINES: Data = {
    "id": (pa.int64(), "bigint", [10, 11]),
    "Type": (pa.int32(), "integer", [1, None]),
    "type": (pa.string(), "character varying(5)", ["a", "b"]),
}


def table_of(name: str, data: Data, **more: Any) -> Table:
    """Declare a source table for such data."""
    columns = tuple(
        Column(
            name=column,
            position=position,
            native_type=native,
            carried="file" if f"{column}__file" in data else "value",
        )
        for position, (column, (_, native, _)) in enumerate(data.items(), start=1)
        if not column.endswith("__file")
    )
    stem = "".join(c if c.isalnum() else "_" for c in name.lower())[:30]
    defaults: dict[str, Any] = {"primary_key": Key(name=None, columns=("id",))}
    return Table(schema="public", name=name, columns=columns, file=f"source/public.{stem}.parquet", **(defaults | more))


def arrow_table(data: Data) -> pa.Table:
    """Make the file's content."""
    arrays = []
    for kind, _, values in data.values():
        if pa.types.is_decimal(kind):
            values = [None if value is None else Decimal(value) for value in values]  # noqa: PLW2901
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, names=list(data))


class Practice:
    """A source layer on disk and the scripts made for it."""

    def __init__(self, root: Path, source: SourceSchema, contents: dict[str, pa.Table]) -> None:
        self.data = root / "archive" / "data"
        self.work = root / "work"
        (self.data / "source").mkdir(parents=True)
        (self.work / "csv").mkdir(parents=True)
        for path, content in contents.items():
            pq.write_table(content, self.data / path)
        self.source = source
        write_ddl(source, self.data / "sql")

    def script(self, dialect: str, name: str) -> Path:
        return self.data / "sql" / dialect / f"{name}.sql"

    def text(self, dialect: str, name: str) -> str:
        return self.script(dialect, name).read_text(encoding="utf-8")

    def write_csv(self, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run csv.sql as its head says."""
        monkeypatch.chdir(self.work)
        connection = duckdb.connect()
        connection.execute(f"SET file_search_path = '{self.data}'")
        connection.execute(self.text(dialect, "csv"))


TYPES_TABLE = table_of("types", TYPES, row_count=4)
LINES_TABLE = table_of(
    'Order "Lines"; DROP TABLE x --\n',
    LINES,
    foreign_keys=(
        ForeignKey(
            name="line_type",
            columns=("Type",),
            target_schema="public",
            target_table="types",
            target_columns=("id",),
            on_delete="SET NULL",
            on_update="CASCADE",
        ),
    ),
    unique_keys=(Key(name="line_key", columns=("Type", "type")),),
    indexes=(Index(name="line_type_index", columns=("type",)),),
)
SOURCE = SourceSchema(dbms="other", dbms_version="1", default_schema="public", tables=(LINES_TABLE, TYPES_TABLE))
CONTENTS = {LINES_TABLE.file: arrow_table(LINES), TYPES_TABLE.file: arrow_table(TYPES)}


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    """The source layer above, of a DBMS that none of the dialects is."""
    return Practice(tmp_path, SOURCE, CONTENTS)


def column(name: str) -> list[Any]:
    """Return the values of one column of the types table as Python has them."""
    return list(CONTENTS[TYPES_TABLE.file].column(name).to_pylist())


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

    for name in (
        "id",
        "i8",
        "i16",
        "i64",
        "u8",
        "u32",
        "u64",
        "money",
        "wide",
        "double",
        "short",
        "long",
        "raw",
        "scan",
    ):
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
    data: Data = {
        "id": (pa.int64(), "INTEGER", [1, 2, 3, 4, 5]),
        "any": (pa.string(), "", ["1", "1.5", "it's\0x", "00FF", None]),
        "any__typeof": (pa.string(), "", ["integer", "real", "text", "blob", "null"]),
        "amount": (pa.decimal128(10, 2), "DECIMAL(10,2)", ["1.50", "2.00", "-0.01", None, None]),
        "opened": (pa.date32(), "DATE", [dt.date(2024, 2, 29), None, None, None, None]),
    }
    columns = tuple(
        Column(name=name, position=n, native_type=native)
        for n, (name, (_, native, _)) in enumerate(data.items(), start=1)
        if name != "any__typeof"
    )
    table = Table(
        schema="main",
        name="t",
        columns=columns,
        file="source/main.t.parquet",
        checks=(Check(name=None, expression="id > 0"),),
    )
    source = SourceSchema(dbms="sqlite", dbms_version="3", default_schema="main", tables=(table,))
    practice = Practice(tmp_path, source, {table.file: arrow_table(data)})
    practice.write_csv("sqlite", monkeypatch)
    connection = run_sqlite(practice, tmp_path / "again.db")
    assert [row[0] for row in connection.execute('SELECT "any" FROM t ORDER BY id')] == [
        1,
        1.5,
        "it's\0x",
        b"\0\xff",
        None,
    ]
    assert [row[2] for row in connection.execute("PRAGMA table_info(t)")] == ["INTEGER", "", "DECIMAL(10,2)", "DATE"]
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


def scripts_of(
    source: SourceSchema, root: Path, arrow: dict[str, pa.Schema] | None = None, **more: Any
) -> Callable[..., str]:
    """Write the scripts of a schema whose columns are all integers, and return a reader of them."""
    schemas = arrow or {
        table.file: pa.schema([(each.name, pa.int32()) for each in table.columns if each.carried != "excluded"])
        for table in source.tables
        if table.file
    }
    write_ddl(source, root / "sql", schemas=schemas, **more)
    return lambda dialect, name: (root / "sql" / dialect / f"{name}.sql").read_text(encoding="utf-8")


def integers(name: str, *columns: str, **more: Any) -> Table:
    """Declare a table of integer columns."""
    declared = tuple(Column(name=each, position=n, native_type="integer") for n, each in enumerate(columns, start=1))
    return Table(
        **({"schema": "public", "name": name, "columns": declared, "file": f"source/public.{name}.parquet"} | more)
    )


def source_of(*tables: Table, dbms: str = "postgresql") -> SourceSchema:
    """Make a source of these tables."""
    return SourceSchema(dbms=dbms, dbms_version="15", default_schema="public", tables=tables)


def refers_to(target: str, column: str = "parent", **more: Any) -> tuple[ForeignKey, ...]:
    """Declare a reference to the id of a table."""
    return (
        ForeignKey(
            name="f", columns=(column,), target_schema="public", target_table=target, target_columns=("id",), **more
        ),
    )


KEY = Key(name=None, columns=("id",))


def index_of(definition: str, *columns: str) -> Table:
    """Declare a table with one index of that definition."""
    return integers(
        "a", "id", indexes=(Index(name="i", columns=columns, definition=f"CREATE INDEX i ON a {definition}"),)
    )


KEYED = integers("a", "id", primary_key=KEY)
REFUSED: dict[str, tuple[list[Table], str]] = {
    "broken": (
        [KEYED, integers("b", "parent", foreign_keys=refers_to("a", broken_rows=3))],
        "3 rows of the source refer to nothing",
    ),
    "excluded": (
        [
            integers("a", "id", primary_key=KEY, file="", excluded="session"),
            integers("b", "parent", foreign_keys=refers_to("a")),
        ],
        "the table referred to is not in the archive",
    ),
    "no key": ([integers("a", "id"), integers("b", "parent", foreign_keys=refers_to("a"))], "no key of their table"),
    "partial": ([index_of("(id) WHERE id > 0", "id")], "partial"),
    "expression": ([index_of("(lower(id))")], "an expression"),
    "gin": ([index_of("USING gin (id)", "id")], "special kind"),
}


@pytest.mark.parametrize(("tables", "reason"), REFUSED.values(), ids=REFUSED)
def test_constrain_says_why_a_constraint_is_not_made(tmp_path: Path, tables: list[Table], reason: str) -> None:
    """Each refusal is a comment with its reason, in every dialect, and no statement."""
    read = scripts_of(source_of(*tables), tmp_path)
    for dialect in DIALECTS:
        lines = read(dialect.name, "constrain").splitlines()
        assert [line for line in lines if line.startswith("-- not made: ") and reason in line], dialect.name
        assert not [line for line in lines if "FOREIGN KEY" in line and not line.startswith("--")]


def test_constrain_leaves_out_a_key_on_an_excluded_column(tmp_path: Path) -> None:
    """A credential that stayed behind takes its keys with it, and create.sql says that it is missing."""
    columns = (
        Column(name="id", position=1, native_type="integer"),
        Column(name="token", position=2, native_type="text", carried="excluded", reason="credential"),
    )
    table = integers("a", "id", columns=columns, unique_keys=(Key(name="u", columns=("token",)),))
    read = scripts_of(source_of(table), tmp_path)
    assert "-- left out: column public.a.token: credential" in read("postgresql", "create")
    assert '"token"' not in read("postgresql", "create")
    assert "not made: public.a: UNIQUE (token)" in read("postgresql", "constrain")


def test_create_has_not_null_only_where_no_value_is_missing(tmp_path: Path) -> None:
    """A NOT NULL column with a value that could not be carried is nullable, and its key is refused."""
    columns = tuple(
        Column(name=name, position=n, native_type="integer", nullable=False)
        for n, name in enumerate(("id", "x"), start=1)
    )
    table = integers("a", "id", columns=columns, primary_key=Key(name=None, columns=("x",)))
    totals = TableTotals(
        schema="public",
        name="a",
        rows=2,
        columns=(ColumnTotals(name="id", non_null=2), ColumnTotals(name="x", non_null=2, excepted=1)),
    )
    read = scripts_of(source_of(table), tmp_path, totals=ControlTotals(tables=(totals,)))
    assert '"id" integer NOT NULL' in read("postgresql", "create")
    assert '"x" integer\n' in read("postgresql", "create")
    assert "not made: public.a: PRIMARY KEY (x): a column of it has nulls" in read("postgresql", "constrain")


def test_load_ends_with_a_query_that_finds_missing_rows(practice: Practice) -> None:
    """A table that lacks rows is named; one that has them all is not."""
    monitor = [line for line in practice.text("duckdb", "load").splitlines() if "wrong_table" in line]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE types AS SELECT 1")
    assert connection.execute(monitor[0]).fetchall() == [("types", 1, 4)]
    connection.execute("INSERT INTO types SELECT 1 FROM range(3)")
    assert connection.execute(monitor[0]).fetchall() == []


def test_checks_are_made_only_in_the_dbms_that_wrote_them(tmp_path: Path) -> None:
    """A check is active in its own DBMS and a comment elsewhere."""
    table = integers("a", "id", checks=(Check(name="positive", expression="CHECK ((id > 0))"),))
    read = scripts_of(source_of(table), tmp_path)
    assert 'ADD CONSTRAINT "positive" CHECK (((id > 0)))' in read("postgresql", "constrain")
    assert "-- not made: public.a: CHECK positive" in read("mariadb", "constrain")


def test_native_types_are_kept_in_the_same_dbms(tmp_path: Path) -> None:
    """PostgreSQL gets its own inet, jsonb and arrays back; an enum of the firm's stays text."""
    natives = {
        "a": ("inet", pa.string()),
        "b": ("jsonb", pa.json_()),
        "c": ("integer[]", pa.string()),
        "d": ("mood", pa.string()),
        "e": ("money", pa.decimal128(19, 2)),
        "f": ("numeric", pa.string()),
        "g": ("text; DROP TABLE x", pa.string()),
        "h": ("timestamp(3) with time zone", pa.timestamp("us", tz="UTC")),
    }
    columns = tuple(
        Column(name=name, position=n, native_type=native)
        for n, (name, (native, _)) in enumerate(natives.items(), start=1)
    )
    table = integers("t", columns=columns)
    arrow = {table.file: pa.schema([(name, kind) for name, (_, kind) in natives.items()])}
    read = scripts_of(source_of(table), tmp_path, arrow)
    types = [
        line.strip().rstrip(",").partition(" ")[2]
        for line in read("postgresql", "create").splitlines()
        if line.startswith('  "')
    ]
    assert types == [
        "inet",
        "jsonb",
        "integer[]",
        "text",
        "numeric(19,2)",
        "numeric",
        "text",
        "timestamp(3) with time zone",
    ]


def test_names_too_long_or_alike_are_changed_and_listed(tmp_path: Path) -> None:
    """PostgreSQL's 63 bytes cut a name without making two of one; the head lists what changed."""
    long = "é" * 40
    table = integers("T" * 70, "a", long + "1", long + "2", "A")
    read = scripts_of(source_of(table), tmp_path)
    head = read("postgresql", "create")
    assert f"--   column public.{'T' * 70}.{long}2 -> {'é' * 30}_2" in head
    assert f"--   table public.{'T' * 70} -> {'T' * 63}" in head
    assert '"A" integer' in head
    assert '"A_2" INTEGER' in read("duckdb", "create")


def test_other_schemas_are_made_or_become_part_of_the_name(tmp_path: Path) -> None:
    """A table outside the default schema keeps its schema where there are schemas."""
    read = scripts_of(source_of(integers("t", "id", schema="audit")), tmp_path)
    assert 'CREATE SCHEMA IF NOT EXISTS "audit";' in read("postgresql", "create")
    assert 'CREATE TABLE "audit"."t"' in read("postgresql", "create")
    assert "EXEC(N'CREATE SCHEMA [audit]');" in read("sqlserver", "create")
    assert "CREATE TABLE `audit__t`" in read("mariadb", "create")


def test_hostile_text_in_a_comment_stays_in_the_comment(tmp_path: Path) -> None:
    """No kind of line break in a name or an expression begins a line of SQL."""
    evil = "x\nDROP TABLE a;\r\x85\u2028\x0bDROP TABLE b; */ --"
    table = integers("a", "id", checks=(Check(name=evil, expression=evil),), comment=evil)
    read = scripts_of(source_of(table, integers("s", "id", file="", excluded=evil)), tmp_path)
    for dialect in DIALECTS:
        if dialect.name == "postgresql":
            continue  # there the check is active, and is the source's own text
        for name in ("create", "constrain"):
            lines = read(dialect.name, name).splitlines()
            assert not [line for line in lines if line.strip().startswith("DROP")], dialect.name


@pytest.mark.parametrize("dialect", [each.name for each in DIALECTS])
def test_scripts_are_sql_of_their_dialect(practice: Practice, dialect: str) -> None:
    """A parser of each dialect reads create and constrain whole; the only judge of SQL Server here."""
    spoken = {"postgresql": "postgres", "mariadb": "mysql", "sqlserver": "tsql"}.get(dialect, dialect)
    for name in ("create", "constrain"):
        statements = [each for each in sqlglot.parse(practice.text(dialect, name), dialect=spoken) if each is not None]
        assert len(statements) >= 2
        assert not [
            each for each in statements if isinstance(each, sqlglot.exp.Command) and "CONSTRAINT" not in str(each)
        ]


def test_scripts_of_the_same_schema_are_the_same_bytes(practice: Practice, tmp_path: Path) -> None:
    """Writing again gives the same scripts."""
    write_ddl(SOURCE, tmp_path / "again", schemas={path: content.schema for path, content in CONTENTS.items()})
    for path in (practice.data / "sql").rglob("*.sql"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(practice.data / "sql")).read_bytes()


# -- limits of MariaDB and SQL Server ---------------------------------------------------------------------------------


def texts(name: str, count: int, native: str, **more: Any) -> tuple[Table, dict[str, pa.Schema]]:
    """Declare a table of text columns."""
    columns = tuple(Column(name=f"c{n}", position=n, native_type=native, nullable=n > 1) for n in range(1, count + 1))
    table = integers(name, columns=columns, **more)
    return table, {table.file: pa.schema([(each.name, pa.string()) for each in columns])}


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


def test_sqlserver_types_and_keys_respect_its_rules(tmp_path: Path) -> None:
    """Two code units a character, filtered unique indexes for nullable keys, no cascades."""
    table, arrow = texts(
        "t", 2, "varchar(20)", unique_keys=(Key(name="u", columns=("c1",)), Key(name="v", columns=("c2",)))
    )
    read = scripts_of(source_of(table), tmp_path, arrow)
    assert "[c1] NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL" in read("sqlserver", "create")
    assert "ADD CONSTRAINT [u] UNIQUE ([c1]);" in read("sqlserver", "constrain")
    assert "CREATE UNIQUE INDEX [v] ON [t] ([c2]) WHERE [c2] IS NOT NULL;" in read("sqlserver", "constrain")


# -- a real system ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "script"), [("openlawoffice", "install_pg15.sql"), ("cccd", "schema_pg.sql")])
def test_postgresql_schema_of_a_real_system_is_made_again(
    tmp_path: Path,
    postgresql_server: PostgreSQLServer,
    postgresql_url: MakeDatabase,
    real_systems: Path,
    folder: str,
    script: str,
) -> None:
    """A schema that nobody here designed: tables, columns, keys and references are as many as they were."""
    first, second = postgresql_url(), postgresql_url()
    postgresql_server.load(real_systems / folder / script, first)
    with psycopg.connect(first) as connection:
        source, arrow = look_at(connection)
    write_ddl(source, tmp_path / "sql", schemas=arrow)
    for name in ("create", "constrain"):
        postgresql_server.load(tmp_path / "sql" / "postgresql" / f"{name}.sql", second)
    with psycopg.connect(second) as connection:
        again, _ = look_at(connection)
    assert [(t.name, [c.name for c in t.columns], t.primary_key, len(t.foreign_keys)) for t in source.tables] == [
        (t.name, [c.name for c in t.columns], t.primary_key, len(t.foreign_keys)) for t in again.tables
    ]


def look_at(connection: psycopg.Connection[Any]) -> tuple[SourceSchema, dict[str, pa.Schema]]:
    """Read just enough of a PostgreSQL catalogue; the connector is tested elsewhere."""
    relations = connection.execute(
        "SELECT oid, relname FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    ).fetchall()
    tables, arrow = [], {}
    for number, (oid, name) in enumerate(relations):
        columns = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
            " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [oid],
        ).fetchall()
        file = f"source/public.t{number}.parquet"
        primary, unique, foreign = keys_of(connection, oid)
        declared = tuple(
            Column(name=c, position=n, native_type=t, nullable=not r) for n, (c, t, r) in enumerate(columns, start=1)
        )
        tables.append(
            Table(
                schema="public",
                name=name,
                columns=declared,
                file=file,
                primary_key=primary,
                unique_keys=unique,
                foreign_keys=foreign,
            )
        )
        arrow[file] = pa.schema([(c, ARROW.get(t.partition("(")[0], pa.string())) for c, t, _ in columns])
    return source_of(*tables), arrow


ARROW = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "uuid": pa.uuid(),
    "date": pa.date32(),
    "numeric": pa.decimal128(38, 10),
    "money": pa.decimal128(19, 2),
    "json": pa.json_(),
    "bytea": pa.binary(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}


def keys_of(
    connection: psycopg.Connection[Any], oid: int
) -> tuple[Key | None, tuple[Key, ...], tuple[ForeignKey, ...]]:
    """Read a table's primary key, unique keys and references."""
    rows = connection.execute(
        """
        SELECT contype, conname, confrelid::regclass::text,
               (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(conkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num),
               (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(confkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.num)
        FROM pg_constraint WHERE conrelid = %s AND contype IN ('p', 'u', 'f') ORDER BY conname
        """,
        [oid],
    ).fetchall()
    primary = [Key(name=name, columns=tuple(own)) for kind, name, _, own, _ in rows if kind == "p"]
    foreign = tuple(
        ForeignKey(
            name=name,
            columns=tuple(own),
            target_schema="public",
            target_table=target.strip('"'),
            target_columns=tuple(theirs),
        )
        for kind, name, target, own, theirs in rows
        if kind == "f"
    )
    unique = tuple(Key(name=name, columns=tuple(own)) for kind, name, _, own, _ in rows if kind == "u")
    return (primary[0] if primary else None), unique, foreign


def test_plan_without_an_arrow_schema_names_the_file() -> None:
    """A table whose types are unknown stops the export."""
    with pytest.raises(Exception, match=r"source/public\.a\.parquet: has no Arrow schema"):
        plan_tables(source_of(integers("a", "id")), DIALECTS[0], {}, None)
