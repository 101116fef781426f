"""MariaDB and MySQL: one read-only transaction on a consistent snapshot; rows as CSV lines built by the server's SQL.

The account needs SELECT on the database. The snapshot is exact for tables of transactional engines (InnoDB). A table
of another engine (MyISAM, Aria, MEMORY) is read as it is at that moment, because the alternative, a lock, would stop
the firm's work; the record then says so, and a table that changes while it is read stops the export.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from portability.connectors import mysql_types
from portability.connectors.carrying import LINE_END, SentRows, cut_lines, cut_rows
from portability.connectors.connector import Connector
from portability.connectors.mysql_catalogue import read_catalogue
from portability.connectors.mysql_errors import foreign_error
from portability.connectors.mysql_types import quote_identifier
from portability.connectors.sql import STREAMED_VALUE_BYTES, SqlSnapshot
from portability.errors import ConfigError, ConnectorError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pymysql

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.scoping.filters import Between

__all__ = ["MysqlConnector"]

CONNECT_TIMEOUT_S = 15
READ_TIMEOUT_S = 3600  # a server that sorts a large table is silent for long
PAGE_ROWS = 16  # of a table whose long values are fetched in between; each row may hold several of STREAMED_VALUE_BYTES
_OPTIONS = frozenset({"connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"})
_SETTINGS = (
    "SESSION time_zone = '+00:00'",
    # A quote in a literal is doubled, a backslash is a backslash; zero dates may be read.
    "SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SESSION net_write_timeout = 3600",
    "SESSION wait_timeout = 86400",
    # Keys and text up to 255 characters are compared whole.
    "SESSION max_sort_length = 8192",
    "SESSION sort_buffer_size = 33554432",
    "SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
_ENGINES = """SELECT t.table_name, t.engine FROM information_schema.tables t
 JOIN information_schema.engines e ON e.engine = t.engine
 WHERE t.table_schema = DATABASE() AND t.table_type <> 'VIEW' AND COALESCE(e.transactions, 'NO') <> 'YES'
 ORDER BY BINARY t.table_name"""
_BINLOG = """SELECT CONCAT_WS(':', @@server_id, DATABASE(), @@gtid_binlog_pos,
 MAX(IF(variable_name = 'BINLOG_SNAPSHOT_FILE', variable_value, NULL)),
 MAX(IF(variable_name = 'BINLOG_SNAPSHOT_POSITION', variable_value, NULL)))
 FROM information_schema.session_status WHERE variable_name LIKE 'BINLOG\\_SNAPSHOT%' ESCAPE '\\' AND @@log_bin"""
_ACCESS_DENIED = 1227


class MysqlConnector(Connector):
    """``mysql://user@host:port/database?ssl_ca=…``, also ``mariadb://``."""

    schemes = ("mysql", "mariadb")

    @contextmanager
    def snapshot(self) -> Iterator[MysqlSnapshot]:
        """Connect, begin the transaction and hold it."""
        if not self.url.path:
            raise ConfigError("the address names no database", place=self.url.label)
        self.url.check_options(_OPTIONS)
        driver = _driver()
        connection = self._connect(driver)
        try:
            try:
                snapshot = MysqlSnapshot(driver, connection, self.limits)
            except driver.err.Error as error:
                raise foreign_error(error, self.url.label) or error from error
            yield snapshot
        finally:
            _end(connection)

    def _connect(self, driver: Any) -> pymysql.Connection[Any]:  # noqa: ANN401 -- the module
        url = self.url
        options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S} | url.options
        try:
            options |= {name: int(options[name]) for name in ("connect_timeout", "read_timeout")}
            connection: pymysql.Connection[Any] = driver.connect(
                host=url.host or "localhost",
                port=url.port or 3306,
                user=url.user or None,
                password=url.password or "",
                database=url.path,
                charset="utf8mb4",
                autocommit=True,
                program_name="portability",
                # No decoders: values arrive as the server prints them.
                conv=dict(driver.converters.encoders),
                **options,
            )
        except driver.err.Error as error:
            raise foreign_error(error, url.label) or error from None
        except ValueError:
            raise ConfigError("a timeout is not a number", place=url.label) from None
        except RuntimeError:
            hint = "Run: pip install cryptography"
            raise ConnectorError("the server's way of checking passwords needs another library", hint=hint) from None
        except OSError:
            hint = "Check the address and the files that it names."
            raise SourceUnavailableError("the server cannot be reached", place=url.label, hint=hint) from None
        return connection


class MysqlSnapshot(SqlSnapshot):
    """A read-only transaction on one connection."""

    piece_length = STREAMED_VALUE_BYTES // 4  # characters, of four bytes at most

    def __init__(self, driver: Any, connection: pymysql.Connection[Any], limits: Limits) -> None:  # noqa: ANN401
        self.limits = limits
        self._driver = driver
        self._connection = connection
        ((version,),) = self._fetch("SELECT VERSION()")
        mariadb = "MariaDB" in version
        unlimited = "SESSION max_statement_time = 0" if mariadb else "SESSION max_execution_time = 0"
        for setting in (*_SETTINGS, unlimited):
            self._fetch(f"SET {setting}")
        self._fetch("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        outside = self._fetch(_ENGINES)
        self.record = _record(outside)
        self.identity = self._identity() if mariadb and not outside else None

    def _identity(self) -> str | None:
        """The binary log's position at the snapshot; None when there is no such log, or it does not log everything.

        Sessions that turn logging off for themselves (``sql_log_bin = 0``, for administrators only) leave no trace in
        it.
        """
        ((position,),) = self._fetch(_BINLOG)
        try:
            status = self._fetch("SHOW MASTER STATUS")
        except self._driver.err.OperationalError as error:
            if error.args[0] == _ACCESS_DENIED:
                return None
            raise
        filtered = not status or any(status[0][2:4])
        return f"mariadb:{position}" if position and not filtered else None

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor(self._driver.cursors.Cursor) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor(self._driver.cursors.SSCursor)
        complete = False
        try:
            cursor.execute(sql)
            yield from iter(cursor.fetchone, None)
            complete = True
        finally:
            if not complete:
                _end(self._connection)
            cursor.close()

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # Between the pages of a streamed table the connection is free.
        yield from self._fetch(sql)

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._fetch, self.record)

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def relation(self, table: Table) -> str:
        return quote_identifier(table.name)

    def probes(self, column: Column) -> dict[str, str]:
        return mysql_types.probe_column(column, self.limits.inline_value_bytes)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return [mysql_types.decide_column(column, probed)]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        return mysql_types.totals(carrying)

    def octets(self, carrying: Carrying) -> str:
        return mysql_types.octets(carrying)

    def order_term(self, column: Column) -> str:
        return mysql_types.order_term(column)

    def key_term(self, column: Column) -> str:
        return mysql_types.key_term(column)

    def raw_text(self, column: Column) -> str:
        return mysql_types.raw_text(column)

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        return f"SUBSTRING({carrying.value}, {offset}, {length})"

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        return mysql_types.key_equals(column, value)

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        return mysql_types.among(column, name, values)

    def exact_key(self, column: Column, name: str) -> str:
        return mysql_types.exact_key(column, name)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        return mysql_types.comparable(column, other, name)

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return mysql_types.compares_exactly(column, other)

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:
        # TIMESTAMP columns are points in time, and the session's zone is UTC.
        points = column.native_type.lower().startswith("timestamp")
        low, high = (bounds.low_utc, bounds.high_utc) if points else (bounds.low, bounds.high)
        return " AND ".join(f"{name} {sign} '{day}'" for sign, day in ((">=", low), ("<", high)) if day) or "1 = 1"

    def no_day(self, name: str) -> str:
        # Depending on its mode the server takes days of month 0, and the day 0.
        return f"DAYOFMONTH({name}) = 0 OR MONTH({name}) = 0"

    def key_text(self, column: Column) -> str:
        return self.raw_text(column)

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        found = self._fetch(f"EXPLAIN {sql}")
        lines = [" ".join("-" if value is None else str(value) for value in row) for row in found]
        # Columns of the answer: id, select type, table, (partitions,) access, ...; no table, no reading.
        scanned = [str(row[2]) for row in found if {"ALL", "index"} & set(row[3:5])]
        return lines, scanned

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [c.select for c in detail.carryings if c.codec == "native"]
        fields = [f"IFNULL({c.select}, '')" for c in detail.carryings if c.codec != "native"]
        joined = ", ".join([*fields, f"'{LINE_END}'"])
        line = [f"CAST(CONCAT_WS(',', {joined}) AS BINARY)"] if fields else []
        select = ", ".join([*line, *natives])
        rows = self._pages(plan, select) if detail.streamed and detail.key else self._stream(plan, select)
        if not fields:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=False)
        elif natives:
            yield from cut_rows(_built(rows, plan.table.label), rows_max=detail.batch_rows, lined=True)
        else:
            lines = (row[0] for row in _built(rows, plan.table.label))
            yield from cut_lines(lines, rows_max=detail.batch_rows)

    def _stream(self, plan: TablePlan, select: str) -> Iterator[tuple[Any, ...]]:
        found = self.from_rows(plan.table, plan.detail.where)
        return self.rows(f"SELECT {select} FROM {found} ORDER BY {plan.detail.order_sql}")

    def _pages(self, plan: TablePlan, select: str) -> Iterator[tuple[Any, ...]]:
        """Read a few rows at a time by key, so that long values can be asked for in between."""
        terms = [self.key_term(plan.table.column(name)) for name in plan.detail.key]
        tail = f"ORDER BY {', '.join(terms)} LIMIT {PAGE_ROWS}"
        after = ""
        while page := self._fetch(
            f"SELECT {select}, {', '.join(terms)} FROM {self.from_rows(plan.table, after, plan.detail.where)} {tail}"
        ):
            yield from (row[: -len(terms)] for row in page)
            after = _after(terms, page[-1][-len(terms) :])

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return foreign_error(error, place)


def _end(connection: pymysql.Connection[Any]) -> None:
    """Close a connection that may still be sending rows: the driver would read them all, and has no public way out."""
    if result := getattr(connection, "_result", None):
        result.unbuffered_active = False
    if connection.open:
        connection.close()


def _built(rows: Iterator[tuple[Any, ...]], place: str) -> Iterator[tuple[Any, ...]]:
    """Refuse a line that the server gave up building."""
    for row in rows:
        if row[0] is None:
            hint = "Raise the server's max_allowed_packet."
            raise SourceDataError("a row is larger than the server will build", place=place, hint=hint)
        yield row


def _after(terms: list[str], last: tuple[Any, ...]) -> str:
    """SQL that is true for the rows after the one with these values."""
    values = [mysql_types.literal(value) for value in last]
    steps = []
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        same = [f"{t} = {v}" for t, v in zip(terms[:place], values, strict=False)]
        steps.append(" AND ".join([*same, f"{term} > {value}"]))
    return " OR ".join(f"({step})" for step in steps)


def _record(outside: list[tuple[Any, ...]]) -> SnapshotRecord:
    method = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
    if not outside:
        return SnapshotRecord(method=method, level="exact")
    names = ", ".join(f"{name} ({engine})" for name, engine in outside)
    note = f"these tables are of engines without snapshots and were read as they were at the time: {names}"
    return SnapshotRecord(method=method, level="window", note=note)


def _driver() -> Any:  # noqa: ANN401 -- the module
    try:
        importlib.import_module("pymysql.cursors")
        return importlib.import_module("pymysql")
    except ImportError as error:
        hint = "Run: pip install 'portability[mysql]'"
        raise ConnectorError("the driver for MariaDB and MySQL is not installed", hint=hint) from error
