"""PostgreSQL 12 and newer: one REPEATABLE READ, READ ONLY transaction; rows by COPY as CSV that the server writes.

The account needs SELECT on what is exported and nothing else. Rows that a row-level security policy would hide are an
error, not a smaller export. Tables are locked in ACCESS SHARE mode before the snapshot is taken, as pg_dump does:
that disturbs nobody but TRUNCATE and ALTER TABLE, after which the snapshot would show an empty table.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from portability.connectors.carrying import SentRows, cut_lines
from portability.connectors.connector import Connector
from portability.connectors.long_values import series_sql
from portability.connectors.postgresql_arrow import ArrowSession, arrow_selects, load_driver
from portability.connectors.postgresql_aside import PostgresqlAside
from portability.connectors.postgresql_catalogue import (
    IDENTITY,
    LOCKABLE,
    MAY_IDENTIFY,
    PROVEN_KEYS,
    base_types,
    read_catalogue,
)
from portability.connectors.postgresql_errors import connect_error, foreign_error
from portability.connectors.postgresql_large_objects import RELATION, is_large_objects, object_of
from portability.connectors.postgresql_plans import plan_lines
from portability.connectors.postgresql_types import PostgresqlTypes, named_apart, quote_identifier
from portability.connectors.sql import SqlSnapshot
from portability.errors import ConfigError, ConnectorError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg
    import pyarrow as pa

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.scoping.filters import Between

__all__ = ["PostgresqlConnector"]

CONNECT_TIMEOUT_S = 15
LOCK_TIMEOUT_S = 30  # a table that somebody rewrites; then the export stops and says so
_OLDEST_VERSION = 120_000
_NOT_VALID_NULLS = 180_000
# Text that does not depend on how the server or the account is set up.
_SETTINGS = {
    "search_path": "",
    "row_security": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
}
# What an address may set; libpq's other parameters change what is read, or how.
_OPTIONS = frozenset(
    "channel_binding connect_timeout gssencmode host hostaddr lock_timeout sslcert sslkey sslmode sslrootcert"
    " statement_timeout target_session_attrs".split()
)
_TIMEOUTS = frozenset({"lock_timeout", "statement_timeout"})
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresqlConnector(Connector):
    """``postgresql://user@host:port/database?sslmode=…``."""

    schemes = ("postgresql", "postgres")

    @contextmanager
    def snapshot(self) -> Iterator[PostgresqlSnapshot]:
        """Connect, lock the tables against rewriting, begin the transaction and hold it."""
        if not self.url.path:
            raise ConfigError("the address names no database", place=self.url.label)
        self.url.check_options(_OPTIONS)
        driver = _driver()
        opened: list[psycopg.Connection[Any] | ArrowSession] = []

        def connect() -> psycopg.Connection[Any]:
            connection = self._connect(driver)
            opened.append(connection)
            return connection

        def open_arrow() -> ArrowSession | None:
            arrow = load_driver()
            if arrow is None:
                return None
            session = ArrowSession(arrow, driver.conninfo.make_conninfo(**self._parameters()), snapshot.join())
            opened.append(session)
            return session

        try:
            try:
                snapshot = PostgresqlSnapshot(connect, self._begin(), self.limits)
            except driver.Error as error:
                raise foreign_error(error, self.url.label) or error from error
            snapshot.open_arrow = open_arrow
            snapshot.open_aside = connect
            yield snapshot
        finally:
            for connection in opened:
                connection.close()

    def _begin(self) -> list[str]:
        """The statements that begin a transaction of ours, whose settings nobody behind a connection pool shares."""
        settings = _SETTINGS | {name: self.url.options[name] for name in _TIMEOUTS & self.url.options.keys()}
        quoted = ((name, value.replace("'", "''")) for name, value in settings.items())
        return [_BEGIN, *(f"SET LOCAL {name} TO '{value}'" for name, value in quoted)]

    def _connect(self, driver: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 -- the module
        try:
            connection: psycopg.Connection[Any] = driver.connect(
                autocommit=True, prepare_threshold=None, **self._parameters()
            )
        except (driver.Error, UnicodeError) as error:
            # The driver's text may quote the address with everything in it.
            raise connect_error(str(error), self.url) from None
        if connection.info.server_version < _OLDEST_VERSION:
            connection.close()
            hint = "Restore a pg_dump of it into a newer PostgreSQL and export from there."
            raise ConnectorError("the server is older than PostgreSQL 12", place=self.url.label, hint=hint)
        return connection

    def _parameters(self) -> dict[str, Any]:
        """What libpq is told, the password with it."""
        url = self.url
        named = {"host": url.host, "port": url.port, "user": url.user, "password": url.password, "dbname": url.path}
        parameters: dict[str, Any] = {
            "connect_timeout": str(CONNECT_TIMEOUT_S),
            "application_name": "portability",
            "client_encoding": "UTF8",
        }
        parameters |= {name: value for name, value in url.options.items() if name not in _TIMEOUTS}
        return parameters | {name: value for name, value in named.items() if value}


class PostgresqlSnapshot(SqlSnapshot):
    """A read-only transaction, and a second one on the same snapshot for values that are too long for COPY."""

    record = SnapshotRecord(method="one REPEATABLE READ, READ ONLY transaction", level="exact")
    # How a session of the Arrow driver is opened, None without the driver, and the one that was.
    open_arrow: Callable[[], ArrowSession | None] | None = None
    arrow: ArrowSession | None = None
    # How a session is opened that measures while another reads, and the one that was.
    open_aside: Callable[[], psycopg.Connection[Any]] | None = None
    _aside: PostgresqlAside | None = None
    # Whether a column that is declared NOT NULL surely has no null.
    _not_null_holds = False

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], begin: Sequence[str], limits: Limits) -> None:
        self.limits = limits
        self._connect = connect
        self._connection = connect()
        self._side: psycopg.Connection[Any] | None = None
        locks = [name for (name,) in self._fetch(LOCKABLE)]
        self._begin = begin
        self._execute("; ".join(begin))
        if locks:
            self._execute(f"LOCK TABLE {', '.join(locks)} IN ACCESS SHARE MODE")
        ((self._exported, encoding, scale, may_identify, version),) = self._fetch(
            "SELECT pg_export_snapshot(), current_setting('server_encoding'), scale(1::money::numeric), "
            f"({MAY_IDENTIFY}), current_setting('server_version_num')::int"
        )
        self._not_null_holds = version < _NOT_VALID_NULLS
        identities = self._fetch(IDENTITY) if may_identify else []
        self.identity = identities[0][0] if identities else None
        self._types = PostgresqlTypes(
            encoding=encoding,
            money_scale=scale,
            inline_bytes=limits.inline_value_bytes,
            domains=base_types(self._fetch),
        )

    def _execute(self, sql: str) -> psycopg.Cursor[Any]:
        return self._connection.execute(sql.encode())

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._execute(sql).fetchall()

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            yield from cursor.stream(sql.encode())

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        if self._side is None:
            self._side = self._connect()
            self._side.execute("; ".join(self.join()).encode())
        with self._side.cursor(binary=True) as cursor:
            yield from cursor.stream(sql.encode())

    def join(self) -> list[str]:
        """The statements by which another session sees this very snapshot."""
        begin, *settings = self._begin
        return [begin, f"SET TRANSACTION SNAPSHOT '{self._exported}'", *settings]

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._fetch, self.record)

    def never_null(self, table: Table, column: Column) -> bool:
        # From 18 on a NOT NULL may be NOT VALID; a partition may be a foreign table, which promises nothing.
        return not column.nullable and self._not_null_holds and "partition_key" not in table.attributes

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def relation(self, table: Table) -> str:
        if is_large_objects(table):
            return RELATION
        # The rows of tables that inherit from this one are theirs; a partitioned table's rows are all in its
        # partitions.
        only = "" if "partition_key" in table.attributes else "ONLY "
        return only + super().relation(table)

    def named_relation(self, table: Table) -> str:
        relation = self.relation(table)
        return f"{relation} AS {quote_identifier(table.name)}" if is_large_objects(table) else relation

    def probes(self, column: Column) -> dict[str, str]:
        return self._types.probes(column)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return [self._types.decide(column, probed)]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        return self._types.totals(carrying)

    def octets(self, carrying: Carrying) -> str:
        return self._types.octets(carrying)

    def order_term(self, column: Column) -> str:
        name, base = quote_identifier(column.name), self._types.base(column)
        if base in _PLAINLY_ORDERED or base.startswith(("timestamp", "time(", "time without")):
            return name
        # Equal is not the same as identical: 1.0 and 1.00, 0.0 and -0.0, '1 day' and '24 hours', 'a' and 'a '.
        return f'{self._types.printed(column)} COLLATE "C"'

    def key_term(self, column: Column) -> str:
        name = quote_identifier(column.name)
        # A key's type has an order of its own, under which no two values are equal.
        return f'{self.raw_text(column)} COLLATE "C"' if self._types.decide(column, {}).kind == "text" else name

    def raw_text(self, column: Column) -> str:
        return self._types.printed(column)

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        if large_object := object_of(carrying):
            return f"lo_get({large_object}, {offset - 1}, {length})"
        return f"substr({self._types.as_bytes(carrying)}, {offset}, {length})"

    def value_pieces(self, table: Table, carrying: Carrying, source: str, size: int) -> Iterator[Any]:
        if object_of(carrying):
            return super().value_pieces(table, carrying, source, size)
        return (piece for (piece,) in self.side_rows(series_sql(self._types.as_bytes(carrying), source)))

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        text = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
        escaped = text.replace("'", "''")
        # Not "= literal" alone: a collation may call different texts equal.
        exact = f" AND {self.raw_text(column)} = '{escaped}' COLLATE \"C\"" if column.arrow_type == "string" else ""
        return f"{quote_identifier(column.name)} = '{escaped}'{exact}"

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        return self._types.among(column, name, values)

    def exact_key(self, column: Column, name: str) -> str:
        return self._types.exact_key(column, name)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        return self._types.comparable(column, other, name)

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return self._types.compares_exactly(column, other)

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:
        points = self._types.base(column).startswith("timestamp") and "with time zone" in self._types.base(column)
        low, high = (bounds.low_utc, bounds.high_utc) if points else (bounds.low, bounds.high)
        return " AND ".join(f"{name} {sign} '{day}'" for sign, day in ((">=", low), ("<", high)) if day) or "1 = 1"

    def key_text(self, column: Column) -> str:
        plain = self._types.base(column) == "bytea"
        return f"encode({quote_identifier(column.name)}, 'hex')" if plain else self.raw_text(column)

    def _proven_keys(self) -> frozenset[tuple[tuple[str, str], tuple[str, ...]]]:
        return frozenset(((schema, table), tuple(columns)) for schema, table, columns in self._fetch(PROVEN_KEYS))

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        ((plan,),) = self._fetch(f"EXPLAIN (FORMAT JSON) {sql}")
        return plan_lines(plan[0]["Plan"])

    def aside(self) -> PostgresqlAside | None:
        if self._aside is None and self.open_aside is not None:
            try:
                self._aside = PostgresqlAside(self.open_aside(), self.join())
            except Exception as error:
                if not isinstance(error, ConnectorError) and foreign_error(error, "") is None:
                    raise
                self.open_aside = None  # tables are measured first and read afterwards then
        return self._aside

    def _revive(self) -> bool:
        try:
            self._fetch("SELECT 1")
        except Exception as error:
            if not isinstance(error, ConnectorError) and foreign_error(error, "") is None:
                raise
            return False
        # Whichever of the others was lost: all of them are opened again on this snapshot when they are wanted.
        if self.arrow is not None:
            self.arrow.close()
        self.arrow = self._aside = self._side = None
        return True

    def settled_by_declaration(self, column: Column) -> bool:
        # How many decimal places its values have is not declared.
        return self._types.base(column) != "numeric"

    def reads_presumed(self, plan: TablePlan) -> bool:
        return self._selects(plan) is not None and self._arrow_session() is not None

    def _selects(self, plan: TablePlan) -> list[str] | None:
        """How a plan's columns are asked for as Arrow; None where they are not."""
        if self._types.encoding != "UTF8":
            return None
        guarded = {}
        for each in plan.detail.carryings if plan.presumed else ():
            if self._types.is_unbounded(plan.table.column(each.name), each):
                guarded[each.name] = f"{self._types.octets(each)} <= {self.limits.inline_value_bytes}"
        return arrow_selects(plan, guarded=guarded)

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        selects = self._selects(plan)
        arrow = None if selects is None else self._arrow_session()
        if selects is None or arrow is None:
            yield from super()._read(plan)
            return
        named = named_apart(selects, plan.table.columns)
        source = self.from_rows(plan.table, plan.detail.where)
        sql = f"SELECT {named} FROM {source} ORDER BY {plan.detail.order_sql}"
        try:
            yield from arrow.read(sql, plan, plan.detail.carryings)
        except BaseException:
            # A transaction that failed or was left in the middle is of no more use; another can join the snapshot.
            self.arrow = None
            arrow.close()
            raise

    def _arrow_session(self) -> ArrowSession | None:
        """The session that reads as Arrow; None where there is none to be had, as behind some connection pools."""
        if self.arrow is None and self.open_arrow is not None:
            try:
                self.arrow = self.open_arrow()
            except Exception as error:
                if foreign_error(error, "") is None:
                    raise
                self.open_arrow = None  # rows come as text then, through the session that there is
        return self.arrow

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        select = named_apart([*(carrying.select for carrying in detail.carryings), "0"], plan.table.columns)
        query = f"SELECT {select} FROM {self.from_rows(plan.table, detail.where)} ORDER BY {detail.order_sql}"
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)".encode()) as copy,
        ):
            # The protocol sends each row as one message.
            yield from cut_lines(copy, rows_max=detail.batch_rows)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return foreign_error(error, place)


# Types whose equal values are identical.
_PLAINLY_ORDERED = frozenset({"smallint", "integer", "bigint", "oid", "boolean", "date", "uuid", "bytea", "money"})


def _driver() -> Any:  # noqa: ANN401 -- the module
    try:
        return importlib.import_module("psycopg")
    except ImportError as error:
        hint = "Run: pip install 'portability[postgresql]'"
        raise ConnectorError("the driver for PostgreSQL is not installed", hint=hint) from error
