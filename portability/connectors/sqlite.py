"""SQLite: one read transaction on a read-only handle; rows as CSV lines that SQLite's own SQL builds."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_quote

from portability.connectors.carrying import LINE_END, Carrying, SentRows, cut_lines, cut_rows
from portability.connectors.connector import Connector
from portability.connectors.sql import SqlSnapshot
from portability.connectors.sqlite_catalogue import read_catalogue
from portability.connectors.sqlite_types import (
    SqliteTypes,
    add_functions,
    compares_exactly,
    exact_key,
    quote_identifier,
    text_literal,
)
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.connectors.connector import TablePlan
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema
    from portability.scoping.filters import Between

__all__ = ["SqliteConnector"]

LOCK_TIMEOUT_S = 5


class SqliteConnector(Connector):
    """``sqlite:///path/to/file.db?timeout=SECONDS``; how long to wait for a writer that locks the file."""

    schemes = ("sqlite",)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Open the file read-only, begin a transaction and hold it."""
        self.url.check_options({"timeout"})
        path = Path(self.url.path)
        if not path.is_file():
            hint = "Check the path: sqlite:///relative.db or sqlite:////absolute.db."
            raise SourceUnavailableError("there is no such file", place=str(path), hint=hint)
        timeout = self.url.options.get("timeout", str(LOCK_TIMEOUT_S))
        if not timeout.isdecimal():
            raise ConfigError("the timeout is not a number of seconds", place=self.url.label)
        address = f"file:{percent_quote(str(path.resolve()))}?mode=ro"
        try:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=int(timeout))
        except sqlite3.Error as error:
            raise _ours(error, str(path)) from error
        try:
            try:
                snapshot = SqliteSnapshot(connection, path, self.limits)
            except sqlite3.Error as error:
                raise _ours(error, str(path)) from error
            yield snapshot
        finally:
            connection.close()


class SqliteSnapshot(SqlSnapshot):
    """A read transaction; a writer in WAL mode does not disturb it, in rollback mode it waits."""

    record = SnapshotRecord(method="one read transaction", level="exact")

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: Limits) -> None:
        self.limits = limits
        self._connection = connection
        connection.text_factory = bytes
        add_functions(connection)
        connection.execute("PRAGMA query_only = ON")
        before = _identity(path)
        connection.execute("BEGIN")
        # The transaction starts with the first read.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A writer that committed in between makes the identity uncertain.
        self.identity = before if before == _identity(path) else None
        ((encoding,),) = connection.execute("PRAGMA encoding")
        self._types = SqliteTypes(utf8=encoding == b"UTF-8")

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.execute(sql)
        while batch := cursor.fetchmany(self.limits.batch_rows):
            yield from batch

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._connection, self.record)

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def octets(self, carrying: Carrying) -> str:
        return self._types.octets(carrying)

    def order_term(self, column: Column) -> str:
        name = self.quote(column.name)
        return f"typeof({name}), {name} COLLATE BINARY"

    def key_term(self, column: Column) -> str:
        # Naming the default collation would keep SQLite from using the key's index.
        binary = column.collation is None or column.collation.upper() == "BINARY"
        return self.quote(column.name) if binary else f"{self.quote(column.name)} COLLATE BINARY"

    def raw_text(self, column: Column) -> str:
        return f"CAST({self.quote(column.name)} AS TEXT)"

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        value = f"CAST({carrying.value} AS BLOB)" if self._types.utf8 or carrying.kind == "bytes" else carrying.value
        return f"substr({value}, {offset}, {length})"

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        name = self.quote(column.name)
        if isinstance(value, int):
            return f"{name} = {value:d}"
        if isinstance(value, bytes):
            return f"{name} = x'{value.hex()}'"
        return f"{name} = {text_literal(str(value))} COLLATE BINARY"

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        return self._types.among(column, name, values)

    def exact_key(self, column: Column, name: str) -> str:  # noqa: ARG002 -- values have types, columns have not
        return exact_key(name)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:  # noqa: ARG002
        return name  # under the rules of the column on the left

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return compares_exactly(column, other)

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:  # noqa: ARG002 -- texts, all of them
        sides = " AND ".join(f"{name} {sign} '{day}'" for sign, day in ((">=", bounds.low), ("<", bounds.high)) if day)
        # Numbers come before every text: a day that was kept as one is no day that can be compared.
        return f"typeof({name}) = 'text' AND {sides}" if sides else "1 = 1"

    def no_day(self, name: str) -> str:
        day = f"typeof({name}) = 'text' AND date(substr({name}, 1, 10), '+0 days') IS substr({name}, 1, 10)"
        return f"{name} IS NOT NULL AND NOT ({day} AND substr({name}, 11, 1) IN ('', ' ', 'T'))"

    def key_text(self, column: Column) -> str:
        name = self.quote(column.name)
        return f"CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE CAST({name} AS TEXT) END"

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        lines = [_string(row[3]) for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        words = [line.split() for line in lines]
        return lines, [each[1] for each in words if each[:1] == ["SCAN"] and each[1:2] != ["CONSTANT"]]

    def probes(self, column: Column) -> dict[str, str]:
        return self._types.probes(column)

    def reprobes(self, column: Column, probed: Mapping[str, Any]) -> dict[str, str]:
        return self._types.reprobes(column, probed)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return self._types.decide(column, probed)

    def decide_file(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return self._types.decide_file(column, probed)

    def totals(self, carrying: Carrying) -> dict[str, str]:
        return self._types.totals(carrying)

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [c.select for c in detail.carryings if c.codec == "native"]
        fields = [f"ifnull({c.select}, '')" for c in detail.carryings if c.codec != "native"]
        line = [" || ',' || ".join([*fields, f"'{LINE_END}'"])] if fields else []
        select = ", ".join([*line, *natives])
        found = self.from_rows(plan.table, detail.where)
        rows = self._connection.execute(f"SELECT {select} FROM {found} ORDER BY {detail.order_sql}")
        if natives:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=bool(fields))
        else:
            yield from cut_lines((row[0] for row in rows), rows_max=detail.batch_rows)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return _ours(error, place) if isinstance(error, sqlite3.Error) else None


def _string(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _identity(path: Path) -> str:
    """What changes whenever the data does: the header's change counter, sizes and times of the file and its log."""
    with path.open("rb") as stream:
        header = stream.read(100)
    parts = [header[24:28].hex()]
    for file in (path, path.with_name(path.name + "-wal")):
        status = file.stat() if file.exists() else None
        # An empty log comes and goes with readers.
        parts.append(f"{status.st_size}.{status.st_mtime_ns}" if status and status.st_size else "")
    return "sqlite:" + ":".join(parts)


def _ours(error: sqlite3.Error, place: str) -> PortabilityError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return SourceUnavailableError(
            "the database is locked by a writer", place=place, hint="Try again, or stop the writer."
        )
    if "not a database" in text or "malformed" in text:
        return SourceDataError(
            f"SQLite refuses the file: {text}", place=place, hint="Run PRAGMA integrity_check on a copy."
        )
    if "no such table" in text:
        return ConnectorError("there is no such table", place=place)
    return ConnectorError(f"SQLite says: {text}", place=place)
