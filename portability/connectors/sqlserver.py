"""SQL Server 2019 and newer, and Azure SQL, through ODBC: one SNAPSHOT transaction where the database allows it.

Nothing of SQL Server's types reaches the driver: every query gives single columns of ``varbinary(max)`` that hold
UTF-16 text or bytes. There are no read-only transactions: give the account ``db_datareader`` and VIEW DEFINITION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.connectors import sqlserver_types as types
from portability.connectors.carrying import SentRows, cut_lines
from portability.connectors.odbc_rows import OverOdbc
from portability.connectors.odbc_select import wrap_items
from portability.connectors.sqlserver_catalogue import PROVEN_KEYS, read_catalogue
from portability.errors import ConnectorError, SourceDataError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.connectors.odbc_session import OdbcSession
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema
    from portability.scoping.filters import Between

__all__ = ["SETTINGS", "SqlServerSnapshot", "after", "snapshot_record"]

PAGE_ROWS = 16  # of a table whose long values are fetched in between; a row may hold several of 8 MiB
_OLDEST_VERSION = 15  # 2019: the first with collations of UTF-8
_AZURE = ("5", "8")  # Azure SQL Database and Managed Instance count their versions otherwise
_CONCATENATED = 120  # fields of one CONCAT, with commas between; it takes 254 arguments
SETTINGS = (
    "SET NOCOUNT ON",
    "SET XACT_ABORT ON",
    "SET TEXTSIZE -1",
    "SET LANGUAGE us_english",
    "SET DATEFORMAT ymd",
    "SET ANSI_NULLS ON",
    "SET ANSI_PADDING ON",
    "SET ANSI_WARNINGS ON",
    "SET ARITHABORT ON",
    "SET CONCAT_NULL_YIELDS_NULL ON",
    "SET QUOTED_IDENTIFIER ON",
    "SET NUMERIC_ROUNDABORT OFF",
    "SET LOCK_TIMEOUT 30000",
    "SET DEADLOCK_PRIORITY LOW",
)
_DATABASE = """SELECT CONVERT(nvarchar(20), SERVERPROPERTY('ProductMajorVersion')),
 CONVERT(nvarchar(20), SERVERPROPERTY('EngineEdition')), d.snapshot_isolation_state, d.is_read_only,
 d.source_database_id, d.is_read_committed_snapshot_on FROM sys.databases d WHERE d.database_id = DB_ID()"""


def snapshot_record(state: str, read_only: str, source: str | None, isolation: str = "") -> SnapshotRecord:
    """Say how consistent a database can be read, from its row of ``sys.databases``.

    Raises:
        ConnectorError: ``?isolation=snapshot`` asks for what the database does not allow.
    """
    if source is not None:
        return SnapshotRecord(method="a database snapshot", level="exact")
    if read_only == "1":
        return SnapshotRecord(method="a read-only database", level="exact")
    if state == "1" and isolation != "window":
        return SnapshotRecord(method="one SNAPSHOT transaction", level="exact")
    hint = "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, or export from a database snapshot."
    if isolation == "snapshot":
        raise ConnectorError("the database does not allow snapshot isolation", place="snapshot", hint=hint)
    note = f"tables were read one after the other while others may have written. For one moment: {hint}"
    return SnapshotRecord(method="READ COMMITTED, statement by statement", level="window", note=note)


class SqlServerSnapshot(OverOdbc):
    """A transaction on one connection."""

    def __init__(self, session: OdbcSession, limits: Limits, *, isolation: str = "") -> None:
        self.limits = limits
        self._session = session
        for statement in SETTINGS:
            self._run(statement)
        ((version, edition, state, read_only, source, _),) = self._fetch(_DATABASE)
        if int(version or 0) < _OLDEST_VERSION and edition not in _AZURE:
            hint = "Restore a backup of it into a newer server and export from there."
            raise ConnectorError("the server is older than SQL Server 2019", hint=hint)
        self.record = snapshot_record(state, read_only, source, isolation)
        if self.record.method == "one SNAPSHOT transaction":
            self._run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
            self._run("BEGIN TRANSACTION")

    def _run(self, statement: str) -> None:
        list(self._session.query(statement, rows=1))

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self.rows(sql))

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        wanted: list[bool] = []

        def as_octets(item: str) -> str:
            octets = item.startswith(types.BYTES)
            wanted.append(octets)
            # COUNT() ends at 2,147,483,647.
            item = "COUNT_BIG(" + item.removeprefix("count(") if item.startswith("count(") else item
            return item if octets else f"{types.BYTES}CONVERT(nvarchar(max), {item}))"

        for row in self._session.query(wrap_items(sql, as_octets), rows=self.limits.batch_rows):
            yield tuple(_value(value, octets=octets) for value, octets in zip(row, wanted, strict=True))

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._fetch, self.record)

    def _proven_keys(self) -> frozenset[tuple[tuple[str, str], tuple[str, ...]]]:
        keys: dict[tuple[str, str, str], list[str]] = {}
        for schema, table, name, column in self._fetch(PROVEN_KEYS):
            keys.setdefault((schema, table, name), []).append(column)
        return frozenset(((schema, table), tuple(columns)) for (schema, table, _), columns in keys.items())

    def quote(self, name: str) -> str:
        return types.quote_identifier(name)

    def probes(self, column: Column) -> dict[str, str]:
        return types.probe_column(column)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return [types.decide_column(column, probed)]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        return types.totals(carrying)

    def octets(self, carrying: Carrying) -> str:
        return types.octets(carrying)

    def order_term(self, column: Column) -> str:
        return types.order_term(column)

    def key_term(self, column: Column) -> str:
        return types.key_term(column)

    def raw_text(self, column: Column) -> str:
        return types.raw_text(column)

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        octets = carrying.value if carrying.kind == "bytes" else types.utf8_bytes(carrying.value)
        return f"{types.BYTES}SUBSTRING({octets}, {offset}, {length}))"

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        name = self.quote(column.name)
        if isinstance(value, bytes):
            return f"{name} = 0x{value.hex()}"
        if not isinstance(value, str) or types.type_name(column)[0] == "uniqueidentifier":
            return f"{name} = {types.literal(str(value))}"
        # The first comparison may use the key's index, the second knows no collation.
        return f"{name} = {types.literal(value)} AND {self.exact_key(column, name)} = {_exact(value)}"

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        if not values:
            return "1 = 0"
        exact = ", ".join(_exact(value) for value in values)
        return f"{self.exact_key(column, name)} IN ({exact})"

    def exact_key(self, column: Column, name: str) -> str:
        text = types.raw_text(column).replace(self.quote(column.name), name)
        return types.utf8_bytes(text)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        return name if column.collation == other.collation else None

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return column.collation is None and other.collation is None and column.native_type == other.native_type

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:
        points = column.native_type.lower().startswith("datetimeoffset")
        low, high = (bounds.low_utc, bounds.high_utc) if points else (bounds.low, bounds.high)
        return " AND ".join(f"{name} {sign} '{day}'" for sign, day in ((">=", low), ("<", high)) if day) or "1 = 1"

    def key_text(self, column: Column) -> str:
        return self.raw_text(column)

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        message = f"SQL Server's plans are not asked for ({len(sql)} characters of SQL)"
        raise ConnectorError(message, hint="Use SET SHOWPLAN_ALL ON in its own client.")

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        fields = [*(carrying.select for carrying in detail.carryings), "N'0' + NCHAR(10)"]
        line = types.BYTES + _joined(fields) + ")"
        rows = self._pages(plan, line) if detail.streamed and detail.key else self._stream(plan, line)
        lines = (_line(row[0], plan.table.label) for row in rows)
        yield from cut_lines(lines, rows_max=detail.batch_rows)

    def _stream(self, plan: TablePlan, line: str) -> Iterator[tuple[Any, ...]]:
        source = self.from_rows(plan.table, plan.detail.where)
        sql = f"SELECT {line} FROM {source} ORDER BY {_orderly(plan.detail.order_sql)}"
        return self._session.query(sql, rows=plan.detail.batch_rows)

    def _pages(self, plan: TablePlan, line: str) -> Iterator[tuple[Any, ...]]:
        """Read a few rows at a time by key, so that long values can be asked for in between on the one connection."""
        columns = [plan.table.column(name) for name in plan.detail.key]
        terms = [self.key_term(column) for column in columns]
        shown = [f"{types.BYTES}{_last(column, term)})" for column, term in zip(columns, terms, strict=True)]
        condition = ""
        while True:
            source = self.from_rows(plan.table, condition, plan.detail.where)
            select = f"SELECT TOP ({PAGE_ROWS}) {', '.join([line, *shown])}"
            sql = f"{select} FROM {source} ORDER BY {', '.join(terms)}"
            page = list(self._session.query(sql, rows=PAGE_ROWS))
            yield from page
            if len(page) < PAGE_ROWS:
                return
            condition = after(terms, [_known(c, v) for c, v in zip(columns, page[-1][1:], strict=True)])


def after(terms: Sequence[str], values: Sequence[str]) -> str:
    """SQL that is true for the rows after the one whose key has these values: Transact-SQL compares no tuples."""
    steps = []
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        same = [f"{t} = {v}" for t, v in zip(terms[:place], values, strict=False)]
        steps.append(" AND ".join([*same, f"{term} > {value}"]))
    return " OR ".join(f"({step})" for step in steps)


def _last(column: Column, term: str) -> str:
    """SQL of a key's value, as bytes where it is ordered as bytes, else as text."""
    return term if term.startswith(types.BYTES) else types.raw_text(column)


def _known(column: Column, value: bytes) -> str:
    """SQL literal of a key's value as ``_last`` gave it."""
    kind = types.type_name(column)[0]
    if column.collation is not None:
        return f"0x{value.hex()}"
    text = value.decode("utf-16-le")
    return f"0x{text}" if "binary" in kind else types.literal(text)


def _exact(value: str) -> str:
    return f"0x{value.encode().hex()}"


def _value(value: bytes | None, *, octets: bool) -> bytes | str | None:
    return value if value is None or octets else value.decode("utf-16-le", "surrogatepass")


def _line(value: bytes | None, place: str) -> bytes:
    """A row's line in UTF-8."""
    try:
        if value is not None:
            return value.decode("utf-16-le").encode()
    except UnicodeDecodeError:
        pass
    raise SourceDataError("a row is no Unicode text", place=place, hint="Please report this.")


def _orderly(order: str) -> str:
    return order if order != "1" else "(SELECT NULL)"


def _joined(fields: Sequence[str]) -> str:
    """SQL of fields with commas between; CONCAT makes nothing of a null."""
    if len(fields) > _CONCATENATED:
        half = len(fields) // 2
        return f"CONCAT({_joined(fields[:half])}, N',', {_joined(fields[half:])})"
    # One that may be long makes all of it long.
    large = f"CONVERT(nvarchar(max), {fields[0]})"
    joined = ", N',', ".join([large, *fields[1:]])
    return f"CONCAT({joined})"
