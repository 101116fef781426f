"""SQLite as a target: a file, made when it is not there; rows by one prepared INSERT that runs over whole batches.

SQLite types values, not columns: numbers and bytes are stored as they are. What it has no storage class for is text in
its usual form: decimals with all their places, ISO dates and times (instants in UTC, with ``+00:00``), UUIDs.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from portability.connectors.sqlite_catalogue import read_catalogue
from portability.connectors.sqlite_types import quote_identifier
from portability.errors import ConfigError, TargetError
from portability.manifest import SnapshotRecord
from portability.targets.ahead import work_ahead
from portability.targets.answers import answer_table
from portability.targets.lines import is_bytes, plain_text
from portability.targets.target import TEXT_BYTES, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portability.connectors.url import SourceUrl
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import SourceSchema

__all__ = ["SqliteTarget", "open_sqlite"]

LOCK_TIMEOUT_S = 5
_INTEGER_MAX = 2**63 - 1
_ROW_BYTES = 1024 * 1024  # left to what a row holds beside a long value: SQLite bounds them together
# Part of the library's message -> ours. Its own text names tables and columns, but may also quote a value.
_COMPLAINTS = (
    ("UNIQUE constraint", "two rows have the same key"),
    ("PRIMARY KEY", "two rows have the same key"),
    ("NOT NULL constraint", "a value is missing where none may be"),
    ("FOREIGN KEY constraint", "a reference leads to no row"),
    ("CHECK constraint", "a row breaks a check of the table"),
    ("disk is full", "the disk is full"),
    ("disk I/O error", "the disk cannot be written"),
    ("locked", "the file is locked by another program"),
    ("readonly", "the file is read-only"),
    ("unable to open", "the file cannot be opened for writing"),
    ("not a database", "the file is no SQLite database"),
    ("malformed", "the file is damaged"),
    ("no such table", "there is no such table"),
    ("no such column", "there is no such column"),
    ("already exists", "a table or index of that name exists"),
    ("too many", "a limit of SQLite is passed"),
    ("too big", "a value is longer than SQLite takes"),
    ("syntax error", "the statement is not SQL as SQLite knows it"),
)


@contextmanager
def open_sqlite(url: SourceUrl, limits: Limits) -> Iterator[Target]:
    """Open ``sqlite:///path/to/file.db``."""
    del limits
    url.check_options({"timeout"})
    timeout = url.options.get("timeout", str(LOCK_TIMEOUT_S))
    if not timeout.isdecimal():
        raise ConfigError("the timeout is not a number of seconds", place=url.label)
    path = Path(url.path)
    if not path.parent.is_dir():
        raise TargetError("there is no such folder", place=str(path.parent), hint="Make it first.")
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=int(timeout))
    except sqlite3.Error as error:
        raise _ours(error, str(path)) from None
    try:
        yield SqliteTarget(connection, str(path))
    finally:
        connection.close()


class SqliteTarget(Target):
    """A connection in autocommit outside ``transaction()``; references are enforced."""

    dbms: ClassVar[str] = "sqlite"

    def __init__(self, connection: sqlite3.Connection, label: str) -> None:
        super().__init__(label)
        self._connection = connection
        self.value_bytes_max = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - _ROW_BYTES
        with self._guard(label):
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.create_function("md5", 1, _md5, deterministic=True)

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def text(self, value: str) -> str:
        if "\0" in value:  # SQL text ends there
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        return "'" + value.replace("'", "''") + "'"

    def can_roll_back(self) -> bool:
        return self._connection.in_transaction

    def _begin(self) -> None:
        self._execute("BEGIN IMMEDIATE")

    def _execute(self, sql: str) -> int:
        return max(0, self._connection.execute(sql).rowcount)

    def _query(self, sql: str) -> pa.Table:
        cursor = self._connection.execute(sql)
        return answer_table([column[0] for column in cursor.description or ()], cursor.fetchall(), self.label)

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._connection, SnapshotRecord(method="the session that writes", level="exact"))

    def _load(self, relation: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        first = next(batches, None)
        if first is None:
            return 0
        names = ", ".join(self.quote(name) for name in columns)
        slots = ", ".join("CAST(? AS TEXT)" if field.metadata == TEXT_BYTES else "?" for field in first.schema)
        statement = f"INSERT INTO {relation} ({names}) VALUES ({slots})"
        if not self._connection.in_transaction:
            with self.transaction():  # else each row would be one
                return self._insert(statement, columns, _chain(first, batches))
        return self._insert(statement, columns, _chain(first, batches))

    def _insert(self, statement: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        rows = 0
        for columns_of_values in work_ahead(_values(batch, columns) for batch in batches):
            rows += self._connection.executemany(statement, zip(*columns_of_values, strict=True)).rowcount
        return rows

    def _put_value(
        self, table: str, column: str, condition: str, chunks: Iterable[bytes], *, size: int, schema: str
    ) -> int:
        del schema
        relation, name = self.relation(table), self.quote(column)
        found = self._connection.execute(f"SELECT rowid FROM {relation} WHERE {condition}").fetchall()
        for (rowid,) in found:
            self._connection.execute(f"UPDATE {relation} SET {name} = zeroblob({size}) WHERE rowid = {rowid}")
            with self._connection.blobopen(table, column, rowid) as blob:
                for chunk in chunks:
                    blob.write(chunk)
        return len(found)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return _ours(error, place) if isinstance(error, sqlite3.Error) else None


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _values(batch: pa.RecordBatch, columns: Sequence[str]) -> list[list[Any]]:
    return [_bound(array, name) for array, name in zip(batch.columns, columns, strict=True)]


def _bound(array: pa.Array, name: str) -> list[Any]:
    """Return a column's values as the library binds them.

    Raises:
        TargetError: An integer beyond 64 bits with sign, or a not-a-number, which SQLite would store as null.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in array.to_pylist()]
    if pa.types.is_floating(kind) and pc.any(pc.is_nan(array)).as_py():
        raise TargetError("what is no number cannot be stored here", place=name)
    if kind == pa.uint64() and (pc.max(array).as_py() or 0) > _INTEGER_MAX:
        raise TargetError("an integer is larger than SQLite's", place=name)
    values: list[Any] = _simple(array, name).to_pylist()
    return values


def _simple(array: pa.Array, name: str) -> pa.Array:
    """Return the values as integers, floats, bytes or text; a union of these as it is."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return array.cast(pa.int8())
    if pa.types.is_duration(kind):
        return array.cast(pa.duration("us")).cast(pa.int64())
    if pa.types.is_floating(kind):
        return array.cast(pa.float64())
    if pa.types.is_union(kind) or pa.types.is_integer(kind) or is_bytes(kind):
        return array
    if pa.types.is_timestamp(kind) and kind.tz:
        return pc.binary_join_element_wise(plain_text(array, name), "+00:00", "")
    return plain_text(array, name)


def _md5(value: object) -> str | None:
    """Fingerprint a row where the other DBMSs have a function of their own; no trust rests on it."""
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _ours(error: sqlite3.Error, place: str) -> TargetError:
    text = str(error)
    for part, message in _COMPLAINTS:
        if part in text:
            # What follows "constraint failed:" is a table and its columns.
            named = (
                text.partition("constraint failed: ")[2]
                if "constraint failed" in text and part != "CHECK constraint"
                else ""
            )
            return TargetError(message, place=": ".join(each for each in (place, named) if each))
    return TargetError(
        f"SQLite refuses with {error.sqlite_errorname or type(error).__name__}"
        if hasattr(error, "sqlite_errorname")
        else f"SQLite refuses with {type(error).__name__}",
        place=place,
    )
