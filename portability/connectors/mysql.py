"""MariaDB and MySQL: one read-only transaction on a consistent snapshot; rows read in bulk as the server sends them.

The account needs SELECT on the database. The snapshot is exact for tables of transactional engines (InnoDB). A table
of another engine (MyISAM, Aria, MEMORY) is read as it is at that moment, because the alternative, a lock, would stop
the firm's work; the record then says so, and a table that changes while it is read stops the export.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors import mysql_keys, mysql_types
from portability.connectors.carrying import Carrying
from portability.connectors.connector import Connector
from portability.connectors.long_values import counted_pieces
from portability.connectors.mysql_aside import BEGIN, MysqlAside, begin_together, stop_query
from portability.connectors.mysql_catalogue import read_catalogue
from portability.connectors.mysql_connection import OPTIONS, connect, load_driver
from portability.connectors.mysql_errors import foreign_error
from portability.connectors.mysql_proofs import Reading, proved
from portability.connectors.mysql_rows import IncomingRows, decode_block
from portability.connectors.mysql_types import quote_identifier
from portability.connectors.sql import STREAMED_VALUE_BYTES, SqlSnapshot
from portability.errors import ConfigError, ConnectorError, PortabilityError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pymysql

    from portability.connectors.carrying import SentRows
    from portability.connectors.connector import TablePlan
    from portability.connectors.planning import Ask, Wanted
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.scoping.filters import Between

__all__ = ["MysqlConnector"]

PAGE_ROWS = 16  # of a table whose long values are fetched in between; each row may hold several of STREAMED_VALUE_BYTES
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
_MARIADB_SETTINGS = (
    "SESSION max_statement_time = 0",
    # The cache of a subquery's answers takes keys that differ in case, accents or trailing blanks for one.
    "SESSION optimizer_switch = 'subquery_cache=off'",
)
_MYSQL_SETTINGS = ("SESSION max_execution_time = 0",)
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
        self.url.check_options(OPTIONS)
        driver = load_driver()
        connection = connect(driver, self.url)
        snapshot = None
        try:
            try:
                snapshot = MysqlSnapshot(
                    driver, connection, self.limits, open_session=lambda: connect(driver, self.url)
                )
            except driver.err.Error as error:
                raise foreign_error(error, self.url.label) or error from error
            yield snapshot
        finally:
            _end(connection)
            if snapshot is not None and (other := snapshot.aside()) is not None:
                other.close()


class MysqlSnapshot(SqlSnapshot):
    """A read-only transaction on one connection."""

    piece_length = STREAMED_VALUE_BYTES // 4  # of characters, each of four bytes at most; for sessions by ODBC
    # Whether rows are read as the server sends them, or as CSV lines that it builds (by a driver that is no better).
    bulk = True

    def __init__(
        self,
        driver: Any,  # noqa: ANN401 -- the module
        connection: pymysql.Connection[Any],
        limits: Limits,
        *,
        open_session: Callable[[], pymysql.Connection[Any]] | None = None,
    ) -> None:
        self.limits = limits
        self._driver = driver
        self._connection = connection
        self._open = open_session
        # Readings by presumed plans, by the rows that they read.
        self._readings: dict[str, Reading] = {}
        ((version, self._number),) = self._fetch("SELECT VERSION(), CONNECTION_ID()")
        mariadb = "MariaDB" in version
        settings = [f"SET {setting}" for setting in (*_SETTINGS, *(_MARIADB_SETTINGS if mariadb else _MYSQL_SETTINGS))]
        for setting in settings:
            self._fetch(setting)
        self._aside = self._begin(settings) if mariadb else None
        if self._aside is None:
            self._fetch(BEGIN)
        outside = self._fetch(_ENGINES)
        self.record = _record(outside)
        self.identity = self._identity() if mariadb and not outside else None

    def _begin(self, settings: Sequence[str]) -> MysqlAside | None:
        """Begin the snapshot in two sessions; None where there is no other one, or not surely with the same data."""
        if self._open is None:
            return None
        other = None
        try:
            other = MysqlAside(self._driver, self._open)
            for setting in settings:
                other.fetch(setting)
            if begin_together(self._fetch, other.fetch):
                return other
        except (self._driver.err.Error, PortabilityError):
            # Perhaps the account may have one session only. If it is the first one that failed, that shows next.
            pass
        if other is not None:
            other.close()
        return None

    def aside(self) -> MysqlAside | None:
        if self._aside is not None and not self._aside.is_open():
            self._aside = None  # lost; another one would not see the same
        return self._aside

    def _revive(self) -> bool:
        try:
            return bool(self._fetch("SELECT 1"))
        except (self._driver.err.Error, ConnectorError):
            return False

    def reads_presumed(self, plan: TablePlan) -> bool:
        # Only of InnoDB is it known that both sessions see the same.
        if not self.bulk or plan.table.attributes.get("engine") != "InnoDB":
            return False
        self._readings[self.from_rows(plan.table, plan.detail.where)] = Reading(plan)
        return True

    def foreknown(self, wanted: Wanted, ask: Ask) -> Mapping[str, Any]:
        reading = self._readings.get(self.from_rows(wanted.table, wanted.where))
        return proved(self, wanted, ask, reading, self._aside.stopped) if reading and self._aside else {}

    def never_null(self, table: Table, column: Column) -> bool:  # noqa: ARG002
        return not column.nullable

    def _identity(self) -> str | None:
        """The binary log's position at the snapshot; None when there is no such log, or it does not log everything.

        Sessions that turn logging off (``sql_log_bin = 0``, for administrators only) leave no trace in it.
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
                self._give_up(cursor.close)
            cursor.close()

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # Between the pages of a streamed table the connection is free.
        yield from self.rows(sql)

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._fetch, self.record)

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def relation(self, table: Table) -> str:
        return quote_identifier(table.name)

    def probes(self, column: Column) -> dict[str, str]:
        return mysql_types.probe_column(column, self.limits.inline_value_bytes)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return [mysql_types.decide_column(column, probed, lined=not self.bulk)]

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

    def value_pieces(self, table: Table, carrying: Carrying, source: str, size: int) -> Iterator[Any]:  # noqa: ARG002
        return counted_pieces(self, carrying, source, size)

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        return mysql_keys.key_equals(column, value)

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        return mysql_keys.among(column, name, values)

    def exact_key(self, column: Column, name: str) -> str:
        return mysql_keys.exact_key(column, name)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        return mysql_keys.comparable(column, other, name)

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return mysql_keys.compares_exactly(column, other)

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
        raise NotImplementedError  # rows are read in bulk

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        if not self.bulk:
            yield from super()._read(plan)
            return
        detail = plan.detail
        if detail.streamed and detail.key:
            yield from self._pages(plan)
            return
        found = self.from_rows(plan.table, detail.where)
        sql = f"SELECT {', '.join(self._selects(plan))} FROM {found} ORDER BY {detail.order_sql}"
        batches = self._read_bulk(sql, detail.carryings, plan.schema)
        reading = self._readings.get(found) if plan.presumed else None
        yield from batches if reading is None else reading.look_at(batches)

    def _selects(self, plan: TablePlan) -> list[str]:
        """How each column is asked for; never so long a value that the plan does not provide for it."""
        longest = self.limits.inline_value_bytes if plan.presumed else STREAMED_VALUE_BYTES
        return [
            mysql_types.sent(
                each,
                plan.table.column(each.name) if each.kind else None,
                longest if plan.presumed or each.name in plan.file_columns else None,
                as_stored=plan.presumed,
            )
            for each in plan.detail.carryings
        ]

    def _read_bulk(self, sql: str, carryings: Sequence[Carrying], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._connection.cursor(self._driver.cursors.SSCursor) as cursor:
            cursor.execute(sql)
            incoming = IncomingRows(self._connection, self._driver)
            try:
                for block in incoming.blocks(self.limits.batch_rows):
                    yield decode_block(block, carryings, schema)
            finally:
                if not incoming.finished:
                    self._give_up(incoming.drain)

    def _give_up(self, drain: Callable[[], None]) -> None:
        """Stop a query whose rows nobody wants any more; the snapshot stays unless the server is out of reach."""
        try:
            if self._open is None or not self._connection.open:
                _end(self._connection)
                return
            stop_query(self._open, self._number)
            drain()
        except (self._driver.err.Error, PortabilityError):
            _end(self._connection)

    def _pages(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        """Read a few rows at a time by key, so that long values can be asked for in between."""
        columns = [plan.table.column(name) for name in plan.detail.key]
        terms = [self.key_term(column) for column in columns]
        keys = [Carrying(name=c.name, arrow=pa.binary(), select="", codec="native", kind="") for c in columns]
        schema = pa.schema([*plan.schema, *(pa.field(f"{each.name}__key", pa.binary()) for each in keys)])
        select = ", ".join([*self._selects(plan), *terms])
        tail = f"ORDER BY {', '.join(terms)} LIMIT {PAGE_ROWS}"
        after = ""
        while True:
            found = self.from_rows(plan.table, after, plan.detail.where)
            page = list(
                self._read_bulk(f"SELECT {select} FROM {found} {tail}", [*plan.detail.carryings, *keys], schema)
            )
            if not page:
                return
            for batch in page:
                yield pa.RecordBatch.from_arrays(batch.columns[: -len(terms)], schema=plan.schema)
            last = [batch_column[-1].as_py() for batch_column in page[-1].columns[-len(terms) :]]
            after = mysql_keys.after(terms, columns, last)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return foreign_error(error, place)


def _end(connection: pymysql.Connection[Any]) -> None:
    """Close a connection that may still be sending rows: the driver would read them all, and has no public way out."""
    if result := getattr(connection, "_result", None):
        result.unbuffered_active = False
    if connection.open:
        connection.close()


def _record(outside: list[tuple[Any, ...]]) -> SnapshotRecord:
    if not outside:
        return SnapshotRecord(method=BEGIN, level="exact")
    names = ", ".join(f"{name} ({engine})" for name, engine in outside)
    note = f"these tables are of engines without snapshots and were read as they were at the time: {names}"
    return SnapshotRecord(method=BEGIN, level="window", note=note)
