"""SQL Server's dialect without a server: its SQL is what the documentation asks for, parses, and its bytes are read.

The conformance suite runs against a real server when PORTABILITY_SQLSERVER names one; see docs/odbc.md.
Without it those tests do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pytest
import sqlglot

from portability.connectors import sqlserver_types as types
from portability.connectors.carrying import decode_rows
from portability.connectors.connector import TablePlan
from portability.connectors.odbc_session import OdbcSession
from portability.connectors.sqlserver import SETTINGS, SqlServerSnapshot, after, snapshot_record
from portability.connectors.sqlserver_catalogue import PROVEN_KEYS, QUERIES, declared_type
from portability.errors import ConnectorError, SourceDataError
from portability.limits import DEFAULT_LIMITS
from portability.manifest import Column, Key, Table

# Declared type, Arrow type, SQL of its field in a line.
FIELDS = [
    ("tinyint", "uint8", "CONVERT(nvarchar(max), [v]) COLLATE Latin1_General_100_BIN2"),
    ("decimal(19,4)", "decimal128(19, 4)", "CONVERT(nvarchar(max), [v]) COLLATE Latin1_General_100_BIN2"),
    (
        "money",
        "decimal128(19, 4)",
        "CONVERT(nvarchar(max), CONVERT(decimal(19,4), [v])) COLLATE Latin1_General_100_BIN2",
    ),
    ("float", "double", "CONVERT(nvarchar(40), [v], 3)"),
    ("real", "float", "CONVERT(nvarchar(40), [v], 3)"),
    ("bit", "bool", "CONVERT(nvarchar(max), [v]) COLLATE Latin1_General_100_BIN2"),
    ("date", "date32[day]", "CONVERT(nvarchar(10), [v], 23)"),
    ("datetime", "timestamp[us]", "CONVERT(nvarchar(26), CONVERT(datetime2(6), [v]), 121)"),
    ("time(6)", "time64[us]", "CONVERT(nvarchar(15), CONVERT(time(6), [v]), 121)"),
    (
        "uniqueidentifier",
        "extension<arrow.uuid>",
        "CONVERT(nvarchar(max), [v]) COLLATE Latin1_General_100_BIN2",
    ),
    ("varbinary(max)", "binary", "CONVERT(nvarchar(max), CONVERT(varbinary(max), [v]), 2)"),
    ("timestamp", "binary", "CONVERT(nvarchar(max), CONVERT(varbinary(max), [v]), 2)"),
    (
        "geography",
        "binary",
        (
            "CONVERT(nvarchar(max), CONVERT(varbinary(max), CONVERT(binary(4), REVERSE(CONVERT(binary(4), [v].STSrid)))"
            " + [v].AsBinaryZM()), 2)"
        ),
    ),
    (
        "hierarchyid",
        "string",
        "N'\"' + REPLACE([v].ToString() COLLATE Latin1_General_100_BIN2, N'\"', N'\"\"') + N'\"'",
    ),
    (
        "datetimeoffset(7)",
        "string",
        "N'\"' + REPLACE(CONVERT(nvarchar(40), [v], 121) COLLATE Latin1_General_100_BIN2, N'\"', N'\"\"') + N'\"'",
    ),
    (
        "xml",
        "string",
        "N'\"' + REPLACE(CONVERT(nvarchar(max), [v]) COLLATE Latin1_General_100_BIN2, N'\"', N'\"\"') + N'\"'",
    ),
]
ALL_TYPES = [declared for declared, _, _ in FIELDS] + "smallint int bigint numeric(5,0) smallmoney".split()
ALL_TYPES += "smalldatetime datetime2(7) datetime2(3) time(7) char(3) varchar(50) text nchar(3) nvarchar(max)".split()
ALL_TYPES += "ntext binary(8) image geometry sql_variant rowversion".split()


def _column(declared: str, name: str = "v") -> Column:
    text = any(word in declared for word in ("char", "text"))
    return Column(name=name, position=1, native_type=declared, collation="Cyrillic_General_CI_AS" if text else None)


@dataclass
class _Server:
    """Answers of a server as they were written down: it records what it is asked."""

    answers: dict[str, list[tuple[Any, ...]]]
    asked: list[str]

    def query(self, sql: str, *, rows: int, strict: bool = True) -> Iterator[tuple[Any, ...]]:
        assert rows
        assert strict
        self.asked.append(sql)
        return iter(next((found for part, found in self.answers.items() if part in sql), []))


def _snapshot(
    answers: Mapping[str, list[tuple[Any, ...]]] | None = None, *, state: str = "1", version: str = "16"
) -> SqlServerSnapshot:
    row = (version, "3", state, "0", None, "0")
    database = [tuple(None if value is None else value.encode("utf-16-le") for value in row)]
    server = _Server({"sys.databases": database, **(answers or {})}, [])
    return SqlServerSnapshot(cast("OdbcSession", server), DEFAULT_LIMITS)


def _asked(snapshot: SqlServerSnapshot) -> list[str]:
    return cast("_Server", snapshot._session).asked


@pytest.mark.parametrize(("declared", "arrow", "field"), FIELDS, ids=[declared for declared, _, _ in FIELDS])
def test_type_travels_as_text_that_the_server_renders(declared: str, arrow: str, field: str) -> None:
    """By the styles of CONVERT that are documented to lose nothing."""
    carrying = types.decide_column(_column(declared), {})
    assert (str(carrying.arrow), carrying.select) == (arrow, field)


@pytest.mark.parametrize("declared", ALL_TYPES)
def test_sql_of_every_type_parses(declared: str) -> None:
    """Whatever is asked of a column is Transact-SQL to somebody else's parser."""
    column = _column(declared, "odd ]name")
    told = {"misfit": "1", "fine": "1", "far": "0"}
    asked = list(types.probe_column(column).values())
    for probed in ({}, told):
        carrying = types.decide_column(column, probed)
        asked += [*types.totals(carrying).values(), carrying.select]
        asked += [f"CASE WHEN {carrying.unfit} THEN 1 END", carrying.raw] if carrying.unfit else []
    asked += [types.order_term(column), types.key_term(column), types.raw_text(column)]
    for sql in asked:
        assert sqlglot.parse_one(f"SELECT {sql} FROM [s].[t]", read="tsql").args


def test_sql_of_the_catalogue_and_the_session_parses() -> None:
    """So do the queries of sys and the settings."""
    for sql in (*QUERIES.values(), PROVEN_KEYS, *SETTINGS):
        assert sqlglot.parse_one(sql, read="tsql").args


@pytest.mark.parametrize(
    ("probed", "arrow"),
    [
        ({}, "timestamp[us]"),
        ({"fine": "1", "far": "0"}, "timestamp[ns]"),
        ({"fine": "1", "far": "2"}, "string"),
        ({"fine": "0", "far": "2"}, "timestamp[us]"),
    ],
)
def test_datetime2_of_seven_places_takes_the_finest_type_that_holds_all(probed: dict[str, str], arrow: str) -> None:
    """Nanoseconds end in the year 2262; what neither they nor microseconds hold stays text."""
    assert str(types.decide_column(_column("datetime2(7)"), probed).arrow) == arrow


def test_text_that_is_no_unicode_stands_in_the_ledger_with_its_bytes() -> None:
    """Half of a surrogate pair, and a byte that the code page has no character for."""
    for declared in ("nvarchar(10)", "varchar(10)"):
        carrying = types.decide_column(_column(declared), {"misfit": "1"})
        assert carrying.raw == "CONVERT(varbinary(max), [v])"
        assert carrying.unfit
        assert carrying.select.startswith("CASE WHEN")


@pytest.mark.parametrize(
    ("described", "declared"),
    [
        (("nvarchar", "nvarchar", 100, 0, 0), "nvarchar(50)"),
        (("varchar", "varchar", -1, 0, 0), "varchar(max)"),
        (("decimal", "money_of_ours", 9, 19, 4), "decimal(19,4)"),
        (("datetime2", "datetime2", 8, 27, 7), "datetime2(7)"),
        ((None, "hierarchyid", 892, 0, 0), "hierarchyid"),
        (("int", "int", 4, 10, 0), "int"),
    ],
)
def test_type_is_named_as_it_would_be_declared(described: tuple[Any, ...], declared: str) -> None:
    """From sys.columns; a type of the database's own by what it stands for."""
    assert declared_type(*described) == declared


def test_snapshot_isolation_is_taken_where_allowed_and_said_otherwise() -> None:
    """The level is what the database allows, never more than it is."""
    snapshot = _snapshot()
    assert (snapshot.record.level, _asked(snapshot)[-2:]) == (
        "exact",
        ["SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "BEGIN TRANSACTION"],
    )
    window = _snapshot(state="0")
    assert window.record.level == "window"
    assert "ALLOW_SNAPSHOT_ISOLATION" in str(window.record.note)
    assert "BEGIN TRANSACTION" not in _asked(window)
    assert snapshot_record("0", "0", "7").method == "a database snapshot"
    with pytest.raises(ConnectorError, match="does not allow snapshot isolation"):
        snapshot_record("0", "0", None, "snapshot")


def test_server_older_than_2019_is_refused() -> None:
    """It has no collation of UTF-8, by which text is ordered and measured."""
    with pytest.raises(ConnectorError, match="older than SQL Server 2019"):
        _snapshot(version="13")


def test_every_column_of_an_answer_is_asked_for_as_bytes() -> None:
    """Text as UTF-16, bytes as they are; a count may be larger than an int."""
    snapshot = _snapshot({"thing": [("3".encode("utf-16-le"), b"\xff", None)]})
    sql = "SELECT count(*), CONVERT(varbinary(max), [raw]), [a] FROM thing"
    assert list(snapshot.rows(sql)) == [("3", b"\xff", None)]
    assert _asked(snapshot)[-1] == (
        "SELECT CONVERT(varbinary(max), CONVERT(nvarchar(max), COUNT_BIG(*))), CONVERT(varbinary(max), [raw]),"
        " CONVERT(varbinary(max), CONVERT(nvarchar(max), [a])) FROM thing"
    )


def test_table_is_read_as_lines_of_utf16() -> None:
    """On answers as the documentation prints them."""
    columns = (_column("int", "id"), _column("nvarchar(20)", "txt"), _column("datetime", "at"), _column("bit", "on"))
    table = Table(schema="dbo", name="t", columns=columns, primary_key=Key(name="pk", columns=("id",)))
    line = '7,"a ""b"" é\U0001f600",2020-02-29 12:00:00.003000,1,0\n'.encode("utf-16-le")
    other = "8,,,,0\n".encode("utf-16-le")
    snapshot = _snapshot({"CONCAT(": [(line,), (other,)]})
    carryings = [types.decide_column(column, {}) for column in columns]
    detail = _detail(carryings)
    schema = pa.schema([pa.field(c.name, c.arrow) for c in carryings])
    plan = TablePlan(table=table, schema=schema, totals=cast("Any", None), detail=detail)
    (sent,) = snapshot.read_lines(plan)
    rows = decode_rows(sent, carryings, schema).to_pylist()
    assert [str(value) for value in rows[0].values()] == [
        "7",
        'a "b" é\U0001f600',
        "2020-02-29 12:00:00.003000",
        "True",
    ]
    assert list(rows[1].values()) == [8, None, None, None]
    assert _asked(snapshot)[-1].endswith(" FROM [dbo].[t] ORDER BY [id]")
    assert sqlglot.parse_one(_asked(snapshot)[-1], read="tsql").args


def _detail(carryings: list[Any]) -> Any:  # noqa: ANN401
    from portability.connectors.planning import SqlPlan  # noqa: PLC0415

    return SqlPlan(carryings=tuple(carryings), order_sql="[id]", key=("id",), batch_rows=10)


def test_line_that_is_no_unicode_text_is_refused() -> None:
    """Never a replacement character."""
    snapshot = _snapshot({"CONCAT(": [(b"\x00\xd8",)]})
    carrying = types.decide_column(_column("nvarchar(20)"), {})
    table = Table(schema="dbo", name="t", columns=(_column("nvarchar(20)"),))
    schema = pa.schema([pa.field("v", pa.string())])
    plan = TablePlan(table=table, schema=schema, totals=cast("Any", None), detail=_detail([carrying]))
    with pytest.raises(SourceDataError, match="no Unicode text"):
        list(snapshot.read_lines(plan))


def test_page_begins_after_the_last_key_of_the_one_before() -> None:
    """Transact-SQL compares no tuples."""
    assert after(["[a]", "[b]"], ["N'1'", "0xff"]) == "([a] > N'1') OR ([a] = N'1' AND [b] > 0xff)"


def test_columns_that_are_kept_from_the_account_say_so() -> None:
    """Masked without UNMASK, encrypted, behind a security policy, not granted: each with its reason."""

    def text(*values: str | None) -> tuple[bytes | None, ...]:
        return tuple(None if value is None else value.encode("utf-16-le") for value in values)

    def column(table: str, name: str, *, masked: str = "0", encrypted: str | None = None, may: str = "1") -> Any:  # noqa: ANN401
        shape = ("nvarchar", "nvarchar", "40", "0", "0", "1", "Latin1_General_CI_AS", "1252", None, None, "0")
        return text(table, name, *shape, masked, encrypted, "0", "0", "0", "0", None, may)

    snapshot = _snapshot(
        {
            "SERVERPROPERTY('ProductVersion')": [text("16.0.1", "Latin1_General_CI_AS", "dbo", "0", "1")],
            "t.temporal_type": [
                text("1", "dbo", "client", "0", None, "0", None, "1", "0"),
                text("2", "dbo", "ledger", "2", "dbo.ledger_history", "0", "the ledger", "1", "1"),
            ],
            "c.max_length": [
                column("1", "name"),
                column("1", "phone", masked="1"),
                column("1", "card", encrypted="1"),
                column("1", "note", may="0"),
                column("2", "amount"),
            ],
        }
    )
    schema = snapshot.discover()
    client, ledger = schema.tables
    reasons = {column.name: column.reason for column in client.columns}
    assert reasons["name"] is None
    assert "mask" in str(reasons["phone"])
    assert "Always Encrypted" in str(reasons["card"])
    assert "may not read" in str(reasons["note"])
    assert "security policy" in str(ledger.columns[0].reason)
    assert ledger.attributes == {"history": "dbo.ledger_history"}
    assert client.columns[0].native_type == "nvarchar(20)"
    assert any("may write" in note for note in schema.notes)
    with pytest.raises(ConnectorError, match="cannot be read whole"):
        snapshot.check_readable(schema.tables)
