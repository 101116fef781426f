"""DuckDB as a target: a file, made when it is not there; rows as the Arrow batches they are.

Rows go by ``INSERT … SELECT`` with a cast that is an error where a value does not fit.
"""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import duckdb
import pyarrow as pa

from portability.duck import quote, text_literal
from portability.errors import TargetError
from portability.formats.totals import relation_totals
from portability.targets.duckdb_catalogue import read_catalogue
from portability.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.connectors.url import SourceUrl
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import SourceSchema, Table, TableTotals

__all__ = ["DuckdbTarget", "open_duckdb"]

_BATCHES = "portability_batches"  # the name under which a load's rows are seen, in this session alone
# Class of the library's exception -> our message; its text may quote a value.
_COMPLAINTS: tuple[tuple[type[Exception], str], ...] = (
    (duckdb.ConstraintException, "a row breaks a key, a check or a reference, or lacks a value"),
    (duckdb.ConversionException, "a value cannot be stored in its column"),
    (duckdb.OutOfRangeException, "a number is out of its column's range"),
    (duckdb.CatalogException, "there is no such table, or it exists already"),
    (duckdb.BinderException, "a table or column is not as the statement has it"),
    (duckdb.ParserException, "the statement is not SQL as DuckDB knows it"),
    (duckdb.OutOfMemoryException, "DuckDB has run out of memory or disk"),
    (duckdb.IOException, "the file cannot be written"),
)


@contextmanager
def open_duckdb(url: SourceUrl, limits: Limits) -> Iterator[Target]:
    """Open ``duckdb:///path/to/file.duckdb``."""
    url.check_options(())
    path = Path(url.path)
    if not path.parent.is_dir():
        raise TargetError("there is no such folder", place=str(path.parent), hint="Make it first.")
    configuration: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{limits.duckdb_memory_mib}MiB",
        "threads": str(limits.duckdb_threads),
    }
    try:
        connection = duckdb.connect(str(path), config=configuration)
    except duckdb.Error as error:
        hint = "Close other programs that use it; check that it is a DuckDB file and may be written."
        raise TargetError("the file cannot be opened for writing", place=str(path), hint=hint) from error
    try:
        yield DuckdbTarget(connection, str(path))
    finally:
        connection.close()


class DuckdbTarget(Target):
    """A connection, in autocommit outside ``transaction()``."""

    dbms: ClassVar[str] = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection, label: str) -> None:
        super().__init__(label)
        self._connection = connection
        with self._guard(label):
            connection.execute("SET TimeZone = 'UTC'")

    def quote(self, name: str) -> str:
        return quote(name)

    def text(self, value: str) -> str:
        return text_literal(value)

    def can_roll_back(self) -> bool:
        return True

    def _begin(self) -> None:
        self._execute("BEGIN TRANSACTION")

    def _execute(self, sql: str) -> int:
        if len(self._connection.extract_statements(sql)) != 1:
            raise TargetError("the text is not one statement")
        rows = self._connection.execute(sql).fetchall() if sql.lstrip()[:6].upper() in _COUNTED else self._run(sql)
        return int(rows[0][0]) if rows else 0

    def _run(self, sql: str) -> list[tuple[int]]:
        self._connection.execute(sql)
        return []

    def _query(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()

    def _discover(self) -> SourceSchema:
        return read_catalogue(lambda sql: self._connection.execute(sql).fetchall())

    def totals(self, table: Table, fields: Sequence[pa.Field], *, relation: str) -> TableTotals:
        """Compute control totals of a table; ``fields`` names its columns and what each holds, in Arrow's words."""
        names = ", ".join(self.quote(field.name) for field in fields)
        with self._guard(table.label):
            return relation_totals(self._connection, f"(SELECT {names} FROM {relation})", pa.schema(fields), table)

    def _load(self, relation: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        first = next(batches, None)
        if first is None:
            return 0
        broken: list[Exception] = []
        places = [f"c{number}" for number in range(len(columns))]
        schema = pa.schema(zip(places, map(_stored, first.schema.types), strict=True))
        renamed = _noting((_renamed(batch, schema) for batch in _chain(first, batches)), broken)
        names = ", ".join(self.quote(name) for name in columns)
        try:
            self._connection.register(_BATCHES, pa.RecordBatchReader.from_batches(schema, renamed))
            return self._execute(f"INSERT INTO {relation} ({names}) SELECT {', '.join(places)} FROM {_BATCHES}")
        except duckdb.Error as error:
            # The library reports an error of ours as one of its own.
            raise (broken[0] if broken else error) from None
        finally:
            with contextlib.suppress(duckdb.Error):  # a broken transaction takes no more statements
                self._connection.unregister(_BATCHES)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        if not isinstance(error, duckdb.Error):
            return None
        for kind, message in _COMPLAINTS:
            if isinstance(error, kind):
                return TargetError(message, place=place)
        return TargetError(f"DuckDB refuses with {type(error).__name__}", place=place)


_COUNTED = frozenset({"INSERT", "UPDATE", "DELETE"})


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _noting(batches: Iterator[pa.RecordBatch], broken: list[Exception]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as error:
        broken.append(error)
        raise


def _stored(kind: pa.DataType) -> pa.DataType:
    """Durations are numbers of microseconds: the interval of DuckDB would be another thing."""
    return pa.int64() if pa.types.is_duration(kind) else kind


def _renamed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        array.cast(pa.duration("us")).cast(pa.int64()) if pa.types.is_duration(array.type) else array
        for array in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
