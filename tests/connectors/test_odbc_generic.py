"""The generic ODBC dialect: the values of real drivers, and every way in which a driver is found to lie."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from portability.connectors import odbc, open_connector, parse_url
from portability.connectors.files_text import original_bytes
from portability.connectors.odbc import connection_string
from portability.connectors.odbc_errors import driver_error
from portability.connectors.odbc_generic import GenericSnapshot, _add, _agree
from portability.connectors.odbc_generic_types import Reading, declared, reading_of
from portability.connectors.odbc_generic_worker import marked
from portability.errors import ConfigError, ConnectorError, SourceDataError, SourceUnavailableError
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase, PostgresqlDatabase
from tests.connectors.odbc_databases import need_driver

LONG = "é\U0001f600x" * 40_000


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let DBMSs be read that have a dialect of their own: theirs are the drivers at hand."""
    monkeypatch.setattr(odbc, "_PROVEN", frozenset())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An empty SQLite file, to be filled."""
    need_driver("SQLite3")
    return tmp_path / "source.db"


def _fill(file: Path, *statements: str, values: Mapping[str, Any] | None = None) -> str:
    """Run statements, the last of them with values, and return the file's address for the generic dialect."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        connection.execute(statements[-1], values or {})
    return f"odbc+sqlite:///{file}?dialect=generic"


def _rows(address: str, table: str = "t", excluded: frozenset[str] = frozenset()) -> tuple[Any, list[dict[str, Any]]]:
    """Plan and read one table."""
    with open_connector(address).snapshot() as snapshot:
        (found,) = [each for each in snapshot.discover().tables if each.name == table]
        plan = snapshot.plan(found, excluded=excluded)
        return plan, pa.Table.from_batches(snapshot.read(plan), schema=plan.schema).to_pylist()


# -- what arrives -----------------------------------------------------------------------------------------------------


def test_values_by_a_data_source_are_those_of_the_exact_connector(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Integers, texts of any length, floats to the last bit, bytes and nulls, by a name in odbc.ini."""
    values = {"txt": LONG, "raw": bytes(range(256)) * 400, "big": 2**63 - 1, "num": 5e-324}
    _fill(
        file,
        'CREATE TABLE `odd "select` (id BIGINT PRIMARY KEY, txt TEXT, raw BLOB, big BIGINT, num DOUBLE)',
        "INSERT INTO `odd \"select` VALUES (2, '', x'', -9223372036854775808, 0.1), (3, NULL, NULL, NULL, NULL)",
        'INSERT INTO `odd "select` VALUES (1, :txt, :raw, :big, :num)',
        values=values,
    )
    (tmp_path / "odbc.ini").write_text(f"[firm]\nDriver = SQLite3\nDatabase = {file}\n", encoding="utf-8")
    monkeypatch.setenv("ODBCINI", str(tmp_path / "odbc.ini"))
    plan, found = _rows("odbc:///?dsn=firm&dialect=generic", 'odd "select')
    exact_plan, exact = _rows(f"sqlite:///{file}", 'odd "select')
    assert found == exact
    assert found[0]["txt"] == LONG
    assert found[0]["num"] == values["num"]
    assert plan.schema.types == exact_plan.schema.types
    assert plan.totals.rows == 3
    assert plan.table.order == ("id",)
    assert [(c.name, c.non_null, c.sum) for c in plan.totals.columns] == [
        (c.name, c.non_null, c.sum) for c in exact_plan.totals.columns
    ]


def test_values_of_postgresql_are_those_of_the_exact_connector_where_types_agree(postgresql_url: MakeDatabase) -> None:
    """Decimals, booleans as words, dates, times, UUIDs, bytes, keys; and a view that no later writer changes."""
    need_driver("PostgreSQL Unicode")
    url = postgresql_url()
    database = PostgresqlDatabase(url)
    database.execute(
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "INSERT INTO parent VALUES (7)",
        "CREATE TABLE t (id bigint PRIMARY KEY, amt numeric(19,4), day date, at timestamp(6), code varchar(5) UNIQUE,"
        " u uuid, raw bytea, p int REFERENCES parent (id) ON DELETE CASCADE, c char(4), f float8)",
        "INSERT INTO t VALUES (1, -0.0100, '0001-01-01', '9999-12-31 23:59:59.999999', 'é',"
        " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', 7, 'a', 'NaN'),"
        " (2, 99999999999.9999, '1582-10-15', '2020-02-29 12:00:00', 'x', NULL, '', NULL, NULL, '-Infinity')",
    )
    with open_connector(f"odbc+{url}?dialect=generic").snapshot() as snapshot:
        database.execute("UPDATE t SET amt = 5", "DELETE FROM t WHERE id = 2")
        tables = {table.name: table for table in snapshot.discover().tables}
        plan = snapshot.plan(tables["t"])
        found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema).to_pylist()
    assert snapshot.record.level == "exact"
    assert [row["amt"] for row in found] == [Decimal("-0.0100"), Decimal("99999999999.9999")]
    assert math.isnan(found[0].pop("f"))
    database.execute("DELETE FROM t", "INSERT INTO t (id, code) VALUES (1, 'é')")
    exact = _rows(url)[0]
    agreed = {"id", "amt", "day", "at", "code", "u", "raw", "c", "f"}
    assert [f.type for f in plan.schema if f.name in agreed] == [f.type for f in exact.schema if f.name in agreed]
    assert found[0] | {"u": str(found[0]["u"])} == {
        "id": 1,
        "amt": Decimal("-0.0100"),
        "day": found[0]["day"],
        "at": found[0]["at"],
        "code": "é",
        "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "raw": b"\x00\xff",
        "p": 7,
        "c": "a   ",
    }
    assert (found[0]["day"].isoformat(), found[0]["at"].isoformat()) == ("0001-01-01", "9999-12-31T23:59:59.999999")
    (key,) = tables["t"].foreign_keys
    assert (key.columns, key.target_table, key.target_columns, key.on_delete) == (("p",), "parent", ("id",), "CASCADE")
    assert [each.columns for each in tables["t"].unique_keys] == [("code",)]
    assert not tables["t"].column("id").nullable


def test_column_that_is_excluded_is_not_asked_for(file: Path) -> None:
    """It is not in the private engine either; of a table without any other, rows are counted."""
    made = ("CREATE TABLE t (id INT PRIMARY KEY, secret TEXT)", "INSERT INTO t VALUES (1, 'x')")
    address = _fill(file, *made, "CREATE TABLE u (v TEXT)", "INSERT INTO u VALUES ('a'), ('b')")
    with open_connector(address).snapshot() as snapshot:
        assert isinstance(snapshot, GenericSnapshot)
        table = snapshot.discover().tables[0]
        plan = snapshot.plan(table, excluded=frozenset({"secret"}))
        assert [batch.to_pylist() for batch in snapshot.read(plan)] == [[{"id": 1}]]
        held = snapshot.engine.execute("SELECT count(*) FROM duckdb_columns() WHERE NOT internal").fetchone()
        other = snapshot.discover().tables[1]
        assert snapshot.plan(other, excluded=frozenset({"v"})).totals.rows == 2
    assert held == (1,)


def test_value_wider_than_declared_is_kept_whole_and_said(file: Path) -> None:
    """What an ODBC client of fixed buffers would cut."""
    address = _fill(file, "CREATE TABLE t (v VARCHAR(3), w VARCHAR(9))", "INSERT INTO t VALUES ('abcdef', 'abc')")
    plan, found = _rows(address)
    assert found == [{"v": "abcdef", "w": "abc"}]
    assert plan.table.attributes["wider_than_declared"] == "v (1)"


def test_half_of_a_surrogate_pair_leads_back_to_its_bytes() -> None:
    """No text, so it stands in the exceptions ledger; so does a character that the marks would be taken for."""
    broken = marked("a\ud800b")
    assert broken is not None
    assert original_bytes(broken, "utf-16") == "a\ud800b".encode("utf-16-le", "surrogatepass")
    assert marked("\U0001f600é") == "\U0001f600é"
    assert marked("\U0010ff41") != "\U0010ff41"


# -- drivers that lie -------------------------------------------------------------------------------------------------


def test_value_of_which_the_driver_makes_two_stops_the_export(file: Path) -> None:
    """This driver says 0 of a text in a column of numbers, and no day where a date has none."""
    lies = {"INTEGER": "'text'", "BOOLEAN": "2", "DATE": "'2022-11-00'", "TEXT": "CAST(x'41ff' AS TEXT)"}
    made = [
        statement
        for kind, value in lies.items()
        for statement in (f"CREATE TABLE {kind} (id INT, v {kind})", f"INSERT INTO {kind} VALUES (1, {value})")
    ]
    with open_connector(_fill(file, *made)).snapshot() as snapshot:
        tables = snapshot.discover().tables
        assert len(tables) == len(lies)
        for table in tables:
            with pytest.raises(SourceDataError, match=r"two readings of the table differ in v$") as caught:
                snapshot.plan(table)
            assert caught.value.place == table.label


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES ('a\0b')", "UPDATE t SET v = 'x' WHERE 1"])
def test_text_that_the_driver_ends_at_a_nul_stops_the_export(mariadb_url: MakeDatabase, statement: str) -> None:
    """In wide characters it ends there, in narrow ones it does not; without one nothing is refused."""
    need_driver("MariaDB Unicode")
    url = mariadb_url()
    MariadbDatabase(url).execute("CREATE TABLE t (v varchar(9))", "INSERT INTO t VALUES ('é')", statement)
    address = f"{url.replace('mysql://', 'odbc+mariadb://')}?dialect=generic&isolation=window"
    if "\0" not in statement:
        assert _rows(address)[1] == [{"v": "x"}]
        return
    with pytest.raises(SourceDataError, match="differ in v"):
        _rows(address)


def test_column_that_the_driver_does_not_list_stops_the_export(file: Path) -> None:
    """This driver knows of no computed columns."""
    address = _fill(file, "CREATE TABLE t (v INT, w INT AS (v + 1))", "INSERT INTO t VALUES (1)")
    with pytest.raises(SourceDataError, match="lists 1 of its 2 columns"):
        _rows(address)


@pytest.mark.slow
def test_count_of_the_server_that_differs_stops_the_export(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that loses rows in both readings is found by the server's count."""
    address = _fill(file, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1), (2)")
    counted = GenericSnapshot._counted

    def more(self: GenericSnapshot, *arguments: Any) -> dict[str, int]:  # noqa: ANN401 -- its own
        return {name: count + 1 for name, count in counted(self, *arguments).items()}

    monkeypatch.setattr(GenericSnapshot, "_counted", more)
    with pytest.raises(SourceDataError, match="2 rows were read but the server counts 3"):
        _rows(address)


def test_row_that_is_changed_between_the_readings_stops_the_export(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no transaction holds the rows still; the values of a column are the same, but not in the same rows."""
    address = _fill(file, "CREATE TABLE t (a INT, b INT)", "INSERT INTO t VALUES (1, 10), (2, 20)")
    address += "&isolation=window"
    texts = GenericSnapshot._texts

    def meddle(self: GenericSnapshot, *arguments: Any, second: bool) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 -- its own
        if second:
            _fill(file, "UPDATE t SET b = 30 - b")
        return texts(self, *arguments, second=second)

    monkeypatch.setattr(GenericSnapshot, "_texts", meddle)
    with pytest.raises(SourceDataError, match="differ in the order of values among the columns"):
        _rows(address)


@pytest.mark.slow
def test_key_that_names_two_rows_stops_the_export(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come twice in both readings, or keys that are cut in both."""
    address = _fill(file, "CREATE TABLE t (k INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    stage = GenericSnapshot._require_equal

    def double(self: GenericSnapshot, table: Any, *arguments: Any) -> None:  # noqa: ANN401 -- its own
        stage(self, table, *arguments)
        target = next(iter(self.engine.execute("SELECT table_name FROM duckdb_tables()").fetchone() or ()))
        self.engine.execute(f'INSERT INTO "{target}" SELECT * FROM "{target}"')

    monkeypatch.setattr(GenericSnapshot, "_require_equal", double)
    monkeypatch.setattr(GenericSnapshot, "_require_counted", lambda *_: None)
    with pytest.raises(SourceDataError, match="primary key are there twice"):
        _rows(address)


@pytest.mark.slow
def test_driver_that_crashes_between_the_readings_is_an_error_that_names_the_table(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with every dialect: a sentence, and another try is possible."""
    address = _fill(file, "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    texts = GenericSnapshot._texts

    def end(self: GenericSnapshot, *arguments: Any, second: bool) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 -- its own
        if second:
            os.kill(self._session.process.pid, signal.SIGSEGV)
        return texts(self, *arguments, second=second)

    monkeypatch.setattr(GenericSnapshot, "_texts", end)
    with pytest.raises(SourceUnavailableError, match="SIGSEGV") as caught:
        _rows(address)
    assert caught.value.place == "main.t"


def test_figures_of_two_readings_bear_the_rounding_of_floats_alone() -> None:
    """Counts and hashes are compared to the last digit, and added up over batches with nulls in them."""
    assert _agree((2, 0.3, 0.1, 0.2), (2, 0.30000001, 0.1, 0.2))
    assert not _agree((2, 0.3, 0.1, 0.2), (3, 0.3, 0.1, 0.2))
    assert not _agree((1, 10**20), (1, 10**20 + 1))
    assert _agree((1, math.nan, math.nan, math.nan), (1, math.nan, math.nan, math.nan))
    found: dict[str, tuple[Any, ...]] = {}
    for batch in ((0, None, None, None), (2, 3.0, -1.0, 2.0), (1, 5.0, 5.0, math.nan)):
        _add(found, {"v": batch})
    assert found["v"][:3] == (3, 8.0, -1.0)
    assert math.isnan(found["v"][3])


# -- addresses and types ----------------------------------------------------------------------------------------------


def test_dbms_without_a_dialect_of_its_own_is_refused_until_the_address_says_generic(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less can be proved, so somebody must want it."""
    address = _fill(file, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1)").removesuffix("?dialect=generic")
    (file.parent / "odbc.ini").write_text(f"[firm]\nDriver = SQLite3\nDatabase = {file}\n", encoding="utf-8")
    monkeypatch.setenv("ODBCINI", str(file.parent / "odbc.ini"))
    monkeypatch.setattr(odbc, "_NAMES", ())
    with pytest.raises(ConnectorError, match="SQLite has no dialect of its own") as caught:
        _rows("odbc:///?dsn=firm")
    assert "dialect=generic" in caught.value.hint
    assert _rows("odbc:///?dsn=firm&dialect=generic")[1] == _rows(f"{address}?dialect=generic")[1] == [{"v": 1}]


def test_dbms_with_a_dialect_of_its_own_is_not_read_by_the_generic_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can have a proof does not get less by an option."""
    monkeypatch.undo()
    address = _fill(file, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1)")
    with pytest.raises(ConfigError, match="SQLite has a dialect of its own"):
        _rows(address)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("dialect=oracle", "there is no dialect 'oracle'"),
        ("dialect=generic&skip=SQLTables", "SQLTables cannot be skipped"),
        ("dialect=generic&isolation=snapshot", "no isolation 'snapshot'"),
    ],
)
def test_option_that_means_nothing_is_refused(file: Path, option: str, said: str) -> None:
    """Each in a sentence."""
    _fill(file, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1)")
    with pytest.raises(ConfigError, match=said):
        _rows(f"odbc+sqlite:///{file}?{option}")


def test_function_that_is_skipped_is_said_and_not_called(file: Path) -> None:
    """For drivers that crash in it: what it would tell is missing, and a note says so."""
    address = _fill(file, "CREATE TABLE t (v INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with open_connector(f"{address}&skip=SQLPrimaryKeys&isolation=window").snapshot() as snapshot:
        schema = snapshot.discover()
    assert schema.tables[0].primary_key is None
    assert "the driver tells nothing by SQLPrimaryKeys" in schema.notes
    assert snapshot.record.level == "window"
    assert "no figure of the values is the server's own" in (snapshot.record.note or "")


def test_driver_without_data_source_is_named_in_the_address() -> None:
    """As Access is reached, with the words that its driver knows."""
    url = parse_url("odbc:///?driver=Microsoft Access Driver (*.mdb, *.accdb)&set.DBQ=C:/firm.accdb&dialect=generic")
    assert connection_string(url) == "DRIVER={Microsoft Access Driver (*.mdb, *.accdb)};DBQ=C:/firm.accdb;"


@pytest.mark.parametrize(
    ("name", "code", "size", "digits", "arrow", "forms"),
    [
        ("DECIMAL", 3, 10, 2, "decimal128(10, 2)", ("narrow", "text")),
        ("NUMERIC", 2, 50, 2, "string", ("narrow", "text")),
        ("CURRENCY", 2, None, None, "decimal128(19, 4)", ("narrow", "text")),
        ("COUNTER", 4, 10, None, "int64", ("narrow", "integer")),
        ("BIGINT", -5, 19, None, "int64", ("narrow", "integer")),
        ("BIT", -7, 1, None, "bool", ("narrow", "bit")),
        ("DATETIME", 93, 19, 0, "timestamp[us]", ("narrow", "timestamp")),
        ("DATE", 9, 10, None, "date32[day]", ("narrow", "date")),
        ("LVARBINARY", -4, 2**31 - 1, None, "binary", ("octets", "octets")),
        ("GUID", -11, 16, None, "extension<arrow.uuid>", ("narrow", "guid")),
        ("REAL", 7, 24, None, "double", ("double", "narrow")),
        ("INTERVAL", 110, 20, None, "string", ("narrow", "text")),
    ],
)
def test_type_of_odbc_is_read_in_the_form_that_loses_nothing(
    name: str, code: int, size: int | None, digits: int | None, arrow: str, forms: tuple[str, str]
) -> None:
    """Exact numbers and dates as characters, binary floats as doubles, bytes as bytes."""
    reading = reading_of(name, code, size, digits, unsigned=False)
    assert isinstance(reading, Reading)
    assert (str(reading.conversion.arrow), reading.forms) == (arrow, forms)


def test_type_that_loses_something_on_the_way_is_refused_with_the_reason() -> None:
    """A time with an offset, of which ODBC gives none, and types of one DBMS alone."""
    assert reading_of("TIMESTAMP WITH TIME ZONE", 93, 29, 3, unsigned=False) == (
        "ODBC gives a TIMESTAMP WITH TIME ZONE without its offset"
    )
    assert "none of ODBC's" in str(reading_of("sql_variant", -150, 8000, None, unsigned=False))
    big = reading_of("BIGINT UNSIGNED", -5, 20, None, unsigned=True)
    assert isinstance(big, Reading)
    assert str(big.conversion.arrow) == "uint64"
    assert [declared("VARCHAR", 12, 30, None), declared("DECIMAL", 3, 10, 2), declared("INTEGER", 4, 10, None)] == [
        "VARCHAR(30)",
        "DECIMAL(10,2)",
        "INTEGER",
    ]


def test_openedge_value_wider_than_its_sql_width_is_told_as_such() -> None:
    """By its documented number, whatever state its driver gives beside it."""
    for state in ("22P00", "HY000", "S1000"):
        error = driver_error({"state": state, "code": -210012}, "PUB.customer")
        assert "wider than the SQL width" in error.message
        assert "dbtool" in error.hint
