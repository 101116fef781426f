"""SQLite: one read transaction on a read-only handle; rows as Arrow, or as CSV lines that SQLite's own SQL builds.

While a snapshot is open, nothing in the process may open and close the file: that takes away the process's locks on it,
and with them what keeps writers out.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_quote

from portability.connectors.carrying import LINE_END, Carrying, SentRows, cut_lines, cut_rows
from portability.connectors.connector import Connector
from portability.connectors.long_values import blob_pieces
from portability.connectors.sql import SqlSnapshot
from portability.connectors.sqlite_arrow import arrow_columns, open_arrow
from portability.connectors.sqlite_catalogue import read_catalogue
from portability.connectors.sqlite_facts import SIZED_KINDS, Reading
from portability.connectors.sqlite_survey import answers, conclusions, guess, sample, shown_by_reading, survey
from portability.connectors.sqlite_types import (
    SqliteTypes,
    add_functions,
    compares_exactly,
    concatenated,
    exact_key,
    holds_bytes,
    quote_identifier,
    text_literal,
)
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from portability.connectors.connector import TablePlan
    from portability.connectors.planning import Ask, Wanted
    from portability.connectors.sqlite_arrow import ArrowColumn, ArrowFile
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.scoping.filters import Between

__all__ = ["SqliteConnector"]

LOCK_TIMEOUT_S = 5
# Smaller files are read before the driver would be opened.
ARROW_BYTES_MIN = 8 * 1024 * 1024
# A batch of Arrow holds no more, whatever its rows. Two are held while one is being read.
_BATCH_BYTES = 16 * 1024 * 1024
# A table with a longer row is measured before it is read.
_PRESUMED_ROW_BYTES = 16 * 1024
# A number that is sent as text is no longer.
_NUMBER_BYTES = 32
# Fewer rows to a batch cost more by the driver than as lines.
_BATCH_ROWS_MIN = 16


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
        with ExitStack() as stack:
            try:
                header = os.open(path, os.O_RDONLY)
                stack.callback(os.close, header)
                # A table may be measured by one thread after the other: never by two at once.
                options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
                connection = sqlite3.connect(address, timeout=int(timeout), **options)
            except OSError as error:
                raise SourceUnavailableError(f"cannot be read: {error.strerror}", place=str(path)) from error
            except sqlite3.Error as error:
                raise _ours(error, str(path)) from error
            # Last in, first out: the transaction ends before anything else lets go of the file.
            beside = stack.enter_context(ExitStack())
            stack.callback(connection.close)
            try:
                snapshot = SqliteSnapshot(connection, path, self.limits, header=header)
                if path.stat().st_size >= ARROW_BYTES_MIN:
                    snapshot.open_arrow(beside)
            except sqlite3.Error as error:
                raise _ours(error, str(path)) from error
            yield snapshot


class SqliteSnapshot(SqlSnapshot):
    """A read transaction; a writer in WAL mode does not disturb it, in rollback mode it waits."""

    record = SnapshotRecord(method="one read transaction", level="exact")

    # The file through the Arrow driver, where that is installed and exact.
    arrow: ArrowFile | None = None

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: Limits, *, header: int) -> None:
        self.limits = limits
        self._connection = connection
        self._path, self._header = path, header
        # Of a table and its rows: the longest value of each column, as surveyed. Of a table: its longest row.
        self._longest: dict[str, Mapping[str, int]] = {}
        self._longest_rows: dict[str, int | None] = {}
        # Tables that are to be read while they are measured: how their columns travel, and what was found out.
        self._presumed: dict[str, frozenset[Carrying]] = {}
        self._readings: dict[str, Reading] = {}
        connection.text_factory = bytes
        add_functions(connection)
        connection.execute("PRAGMA query_only = ON")
        self._begin()
        ((encoding,),) = connection.execute("PRAGMA encoding")
        self._types = SqliteTypes(utf8=encoding == b"UTF-8")

    def _begin(self) -> None:
        before = _identity(self._path, self._header)
        self._connection.execute("BEGIN")
        # The transaction starts with the first read.
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A writer that committed in between makes the identity uncertain.
        self.identity = before if before == _identity(self._path, self._header) else None

    def open_arrow(self, beside: ExitStack) -> None:
        """Open the file in the Arrow driver too, if what that sees is the snapshot; to be closed after it."""
        log = self._path.with_name(self._path.name + "-wal")
        if not self._types.utf8 or (log.exists() and log.stat().st_size):
            return
        self.arrow = open_arrow(self._path)
        if self.arrow is not None:
            beside.callback(self.arrow.close)
            return
        self._connection.execute("ROLLBACK")
        self._begin()

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

    def value_pieces(self, table: Table, carrying: Carrying, source: str, size: int) -> Iterator[Any]:
        pieces = blob_pieces(self._connection, table, carrying.name, source) if self._types.utf8 else None
        return pieces or super().value_pieces(table, carrying, source, size)

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

    # -- beside the transaction ---------------------------------------------------------------------------------------

    def aside(self) -> SqliteSnapshot | None:
        # What is read through the driver leaves this connection free.
        return None if self.arrow is None else self

    def cancel(self) -> None:
        """Stop what measures a table; called by another thread."""
        self._connection.interrupt()
        if self.arrow is not None:
            self.arrow.stopped.set()

    def presumptions(self, wanted: Wanted) -> Mapping[tuple[str, str], Any]:
        """Look at the first rows: a declaration promises little here."""
        return sample(self._types, wanted.columns, self.from_rows(wanted.table, wanted.where), self.rows)

    def foreknown(self, wanted: Wanted, ask: Ask) -> Mapping[str, Any]:
        counted = self._counted(wanted, ask)
        if self.arrow is None or _is_computed(wanted.table):
            return counted
        return {**counted, **self._surveyed(wanted, ask, self.arrow)}

    def _counted(self, wanted: Wanted, ask: Ask) -> dict[str, Any]:
        """Count documents, and bytes that are not surveyed, by their headers: ``count(x)`` would load them whole."""
        lone = self.arrow is None
        long = [c for c in wanted.columns if c.name in wanted.file_columns or (lone and holds_bytes(c))]
        names = [self.quote(each.name) for each in long]
        if not names:
            return {}
        sums = ", ".join(f"coalesce(sum(typeof({name}) <> 'null'), 0)" for name in names)
        (row,) = list(ask(f"SELECT {sums} FROM {self.from_rows(wanted.table, wanted.where)}"))
        return {f"count({name})": value for name, value in zip(names, row, strict=True)}

    def _surveyed(self, wanted: Wanted, ask: Ask, arrow: ArrowFile) -> Mapping[str, Any]:
        arrow.stopped.clear()
        seen = self.presumptions(wanted)
        columns = [column for column in wanted.columns if column.name not in wanted.file_columns]
        guesses = guess(self._types, columns, seen)
        source = self.from_rows(wanted.table, wanted.where)
        presumed = self._presumed.pop(source, frozenset())
        is_read = bool(presumed) and all(each.carrying in presumed for each in guesses)
        try:
            known = answers(self._types, guesses, source, ask, is_read=is_read)
            reading = self._readings.pop(source, None)
            surveyed = None if reading is None else reading.surveyed(known, arrow.stopped)
            if surveyed is None:
                if is_read:
                    known |= shown_by_reading(self._types, guesses, source, ask)
                rows = self.limits.batch_rows
                surveyed = survey(arrow, guesses, source, batch_bytes=_BATCH_BYTES, rows_max=rows)
        except (ConnectorError, sqlite3.OperationalError) as error:
            if "interrupted" in str(error):
                raise
            return {}  # one column's collation is not known here, say: each is asked by itself
        self._longest[source] = surveyed.longest
        return known | conclusions(self._types, guesses, known, surveyed)

    def reads_presumed(self, plan: TablePlan) -> bool:
        if self._arrow_columns(plan) is None:
            return False
        self._presumed[self.from_rows(plan.table, plan.detail.where)] = frozenset(plan.detail.carryings)
        return True

    def _arrow_columns(self, plan: TablePlan) -> tuple[list[ArrowColumn], int] | None:
        """How a plan's columns are asked for as Arrow, and how many rows at a time; None where they are not."""
        # The driver's SQLite is another version, which may compute another value.
        columns = None if self.arrow is None or _is_computed(plan.table) else arrow_columns(plan.detail.carryings)
        row_bytes = None if columns is None else self._row_bytes(plan)
        if columns is None or row_bytes is None:
            return None
        rows = min(plan.detail.batch_rows, _BATCH_BYTES // max(1, row_bytes))
        return None if rows < _BATCH_ROWS_MIN else (columns, rows)

    def _row_bytes(self, plan: TablePlan) -> int | None:
        """What no row of a plan is longer than; None when nobody knows yet."""
        if plan.presumed:
            return self._longest_row(plan.table)
        longest = self._longest.get(self.from_rows(plan.table, plan.detail.where), {})
        sized = [c.name for c in plan.detail.carryings if c.kind in SIZED_KINDS]
        return sum(longest[name] for name in sized) if longest.keys() >= set(sized) else None

    def _longest_row(self, table: Table) -> int | None:
        if self.arrow is None or _is_computed(table):
            return None
        if table.name not in self._longest_rows:
            self._longest_rows[table.name] = self.arrow.longest_row(table.name, _PRESUMED_ROW_BYTES)
        stored = self._longest_rows[table.name]
        # A row older than its column has that column's default instead of a value.
        defaults = sum(len((column.default or "").encode()) for column in table.columns)
        return None if stored is None else stored + defaults + _NUMBER_BYTES * len(table.columns)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        asked = self._arrow_columns(plan)
        if self.arrow is None or asked is None:
            yield from super()._read(plan)
            return
        source = self.from_rows(plan.table, plan.detail.where)
        columns, rows = asked
        reading = Reading(plan.detail.carryings)
        if plan.presumed:
            self._readings[source] = reading
        is_whole = False
        try:
            for sent, batch in self.arrow.read(
                columns, f"FROM {source} ORDER BY {plan.detail.order_sql}", plan.schema, rows
            ):
                if plan.presumed:
                    reading.look(sent, batch)
                yield batch
            is_whole = True
        finally:
            reading.end(is_whole=is_whole)

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [c.select for c in detail.carryings if c.codec == "native"]
        fields = [f"ifnull({c.select}, '') || ','" for c in detail.carryings if c.codec != "native"]
        line = [concatenated([*fields, f"'{LINE_END}'"])] if fields else []
        select = ", ".join([*line, *natives])
        found = self.from_rows(plan.table, detail.where)
        rows = self._connection.execute(f"SELECT {select} FROM {found} ORDER BY {detail.order_sql}")
        if natives:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=bool(fields))
        else:
            yield from cut_lines((row[0] for row in rows), rows_max=detail.batch_rows)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return _ours(error, place) if isinstance(error, sqlite3.Error) else None


def _is_computed(table: Table) -> bool:
    """Whether a column is not stored, but computed when it is asked for; then it may also be of any length."""
    return any(column.generated == "virtual" for column in table.columns)


def _string(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _identity(path: Path, header: int) -> str:
    """What changes whenever the data does: the header's change counter, sizes and times of the file and its log."""
    parts = [os.pread(header, 4, 24).hex()]
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
