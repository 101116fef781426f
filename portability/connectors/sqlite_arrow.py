"""SQLite's rows as Arrow, read by the ADBC driver from a file that nobody can change meanwhile.

The driver brings a SQLite of its own. Two SQLites in one process destroy each other's POSIX locks, so the driver's is
told that the file is immutable: it locks nothing and looks at no log. That is true as long as the snapshot's own
transaction keeps writers out of the file: always with a rollback journal, and with a write-ahead log that is empty when
the transaction has begun (what others append to it stays there until the transaction ends). Closing a file takes a
process's locks on it away as well; hence the legal order: open after the transaction has begun, close after it ended.

The driver types a column by its first batch. What each column asks for is worded so that one storage class is all that
can come, which the plan has proved; a column that begins with nothing but nulls is asked for in another wording. A plan
with a column for which there is no such wording is read as CSV lines; both ways give the same batches.
"""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote as percent_quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.connectors.carrying import decoded
from portability.connectors.sqlite_types import decimal_bound, quote_identifier, text_literal
from portability.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from portability.connectors.carrying import Carrying

__all__ = ["ArrowColumn", "ArrowFile", "arrow_columns", "open_arrow"]

_ROWS_OPTION = "adbc.sqlite.query.batch_rows"
# Pages of a table that are looked at before it is asked whether that is enough.
_PAGES = 1_024
# What a null is asked for as, where the driver would take a column's first nulls for integers.
_FILLERS = {pa.string(): "'x'", pa.binary(): "x'00'", pa.float64(): "0.5"}


def open_arrow(path: Path) -> ArrowFile | None:
    """Open a file that will not change until it is closed again.

    Returns:
        None without the driver, or with one that is too old. Then the process may have lost its locks on the file.
    """
    try:
        manager = importlib.import_module("adbc_driver_manager")
        driver = importlib.import_module("adbc_driver_sqlite")
    except ImportError:
        return None
    opened = []
    try:
        opened.append(driver.connect(f"file:{percent_quote(str(path.resolve()))}?mode=ro&immutable=1"))
        opened += [manager.AdbcConnection(opened[0]) for _ in range(2)]
        file = ArrowFile(manager, opened)
        for session in file.sessions:
            file.row(session, "SELECT octet_length(sql) FROM sqlite_master")
    except (manager.Error, ConnectorError):
        for each in reversed(opened):
            each.close()
        return None
    return file


class ArrowFile:
    """A file that does not change, in two sessions: one reads while the other surveys."""

    def __init__(self, manager: Any, opened: Sequence[Any]) -> None:  # noqa: ANN401 -- the driver's module
        self._manager, self._opened = manager, opened
        self.sessions: tuple[Any, Any] = (opened[1], opened[2])
        # Set by another thread: what looks at texts ends before its next batch.
        self.stopped = threading.Event()

    def close(self) -> None:
        """Close the file; the process loses its locks on it."""
        for each in reversed(self._opened):
            each.close()

    def row(self, session: Any, sql: str) -> list[Any]:  # noqa: ANN401 -- the driver's connection
        """Return the first row of an answer; empty when there is none."""
        with _Stream(self._manager, session, sql, rows_max=1) as stream:
            batch = next(iter(stream.batches()), None)
        return [] if batch is None else [column[0].as_py() for column in batch.columns]

    def longest_row(self, table: str, most: int) -> int | None:
        """Return how many bytes a table's longest row has as it is stored, by the headers of all its pages.

        Args:
            table: Its name.
            most: No page is looked at after one with a longer row.

        Returns:
            None when there is a longer row, or when this SQLite does not tell.
        """
        # Worded as a function: no table of the file can be meant.
        sql = f"SELECT mx_payload FROM dbstat('main') WHERE name = {text_literal(table)}"
        longest = None
        try:
            with _Stream(self._manager, self.sessions[0], sql, rows_max=_PAGES) as stream:
                for batch in stream.batches():
                    longest = max(longest or 0, pc.max(batch.column(0)).as_py() or 0)
                    if longest > most:
                        return None
        except ConnectorError:
            return None
        return longest

    def texts(
        self,
        session: Any,  # noqa: ANN401 -- the driver's connection
        words: Mapping[str, str],
        source: str,
        rows_max: int,
    ) -> Iterator[dict[str, pa.Array]]:
        """Yield texts by the names that their SQL has in ``words``, but for those that begin with a batch of nulls."""
        while words:
            names, items = list(words), ", ".join(f"{sql} AS c{place}" for place, sql in enumerate(words.values()))
            with _Stream(self._manager, session, f"SELECT {items} FROM {source}", rows_max=rows_max) as stream:
                typed = {name for name, each in zip(names, stream.schema, strict=True) if pa.types.is_string(each.type)}
                for batch in stream.batches() if len(typed) == len(words) else ():
                    if self.stopped.is_set():
                        raise _stopped()
                    yield dict(zip(names, batch.columns, strict=True))
            if len(typed) == len(words):
                return
            words = {name: sql for name, sql in words.items() if name in typed}

    def read(
        self, columns: Sequence[ArrowColumn], rest: str, schema: pa.Schema, rows_max: int
    ) -> Iterator[tuple[list[pa.Array], pa.RecordBatch]]:
        """Yield the rows of ``SELECT <columns> <rest>`` as they were sent, and as batches of ``schema``.

        Raises:
            ConnectorError: The driver gives another type than was worded, or stops.
        """
        filled: tuple[int, ...] = ()
        while True:
            with _Stream(self._manager, self.sessions[0], f"{_select(columns, filled)} {rest}", rows_max) as stream:
                empty = _empty_ones(stream.schema, columns)
                for batch in stream.batches() if filled or not empty else ():
                    if empty:
                        raise ConnectorError("the driver gives a column without nulls another type than it has")
                    sent = _with_nulls(batch, columns, filled)
                    yield sent, pa.RecordBatch.from_arrays(_decoded(sent, columns), schema=schema)
                if filled or not empty:
                    return
            filled = empty


@dataclass(frozen=True, kw_only=True)
class ArrowColumn:
    """How one column is asked for: SQL whose values all have the storage class that the driver sends as ``sent``."""

    carrying: Carrying
    sql: str
    sent: pa.DataType


def arrow_columns(carryings: Sequence[Carrying]) -> list[ArrowColumn] | None:
    """Word every column for the driver; None when one has no wording that is exact."""
    columns = [_column(carrying) for carrying in carryings]
    known = [column for column in columns if column is not None]
    return known if len(known) == len(columns) else None


def _column(carrying: Carrying) -> ArrowColumn | None:
    name, kind = quote_identifier(carrying.name), carrying.kind
    if carrying.unfit or not kind:
        return None
    if carrying.codec == "scaled":
        return ArrowColumn(carrying=carrying, sql=f"CAST({name} AS REAL)", sent=pa.float64())
    if kind == "timestamp":
        # Arrow reads either separator and any number of decimals.
        return ArrowColumn(carrying=carrying, sql=name, sent=pa.string())
    sent = {"number": pa.int64(), "bool": pa.int64(), "text": pa.string(), "date": pa.string(), "float": pa.float64()}
    sent["bytes"] = pa.binary()
    # A column of several storage classes is carried as an expression of its values.
    if carrying.value != name or kind not in sent:
        return None
    return ArrowColumn(carrying=carrying, sql=name, sent=sent[kind])


def _select(columns: Sequence[ArrowColumn], filled: Sequence[int]) -> str:
    """Word the columns, a filler in place of a null in some, and behind them all which of those are null."""
    items = [
        f"ifnull({column.sql}, {_FILLERS[column.sent]})" if number in filled else column.sql
        for number, column in enumerate(columns)
    ]
    # Not IS NULL: many a SQLite believes a declaration of NOT NULL, and does not look.
    items += [f"typeof({columns[number].sql}) = 'null'" for number in filled]
    # Named as no column is called: ORDER BY takes a name for that of a result before all else.
    prefix = "c"
    while any(column.carrying.name.lower().startswith(prefix) for column in columns):
        prefix += "_"
    return "SELECT " + ", ".join(f"{item} AS {prefix}{number}" for number, item in enumerate(items))


def _empty_ones(found: pa.Schema, columns: Sequence[ArrowColumn]) -> tuple[int, ...]:
    """Columns that the driver takes for integers although they are not: their first batch holds nothing but nulls."""
    other = [number for number, column in enumerate(columns) if found.field(number).type != column.sent]
    wrong = [columns[number] for number in other if found.field(number).type != pa.int64()]
    if wrong or any(columns[number].sent == pa.int64() for number in other):
        raise ConnectorError(f"the driver gives another type for {(wrong or [columns[other[0]]])[0].carrying.name}")
    return tuple(other)


def _with_nulls(batch: pa.RecordBatch, columns: Sequence[ArrowColumn], filled: Sequence[int]) -> list[pa.Array]:
    """Put nulls back in the place of fillers."""
    arrays = batch.columns[: len(columns)]
    for place, number in enumerate(filled, start=len(columns)):
        array = arrays[number]
        arrays[number] = pc.if_else(batch.column(place).cast(pa.bool_()), pa.scalar(None, array.type), array)
    return list(arrays)


def _decoded(sent: Sequence[pa.Array], columns: Sequence[ArrowColumn]) -> list[pa.Array]:
    try:
        return [_decode(array, column.carrying) for array, column in zip(sent, columns, strict=True)]
    except pa.ArrowInvalid as error:
        # The library quotes the value, which is client data.
        raise ConnectorError("a value is not of the type that was presumed") from error


def _decode(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Give the driver's array the promised type, by changes that lose nothing or fail."""
    if carrying.codec == "scaled":
        return _decimals(array, carrying)
    return array if array.type == carrying.arrow else array.cast(carrying.arrow)


def _decimals(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Turn doubles into the decimals that they are the nearest to, by the arithmetic of the SQL that totals them.

    Raises:
        ConnectorError: One is no decimal of this precision and scale.
    """
    factor = float(10**carrying.scale)
    doubles = pc.fill_null(array, 0.0).to_numpy()
    # One that is too large is found below, and is none of the user's business before.
    with np.errstate(over="ignore"):
        scaled = doubles * factor
    counts = np.trunc(scaled + np.copysign(0.5, scaled))
    if not (np.abs(scaled) < decimal_bound(carrying.arrow.precision)).all() or (counts / factor != doubles).any():
        raise ConnectorError("a value is not of the decimals that were presumed")
    mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    return decoded(pa.array(counts.astype(np.int64), mask=mask), carrying)


class _Stream:
    """A query's answer, the next batch coming in while one is looked at; left in the middle, no more is asked for."""

    def __init__(self, manager: Any, session: Any, sql: str, rows_max: int) -> None:  # noqa: ANN401 -- the driver's
        self._errors = (manager.Error, pa.ArrowException, OSError)
        self._statement = manager.AdbcStatement(session)
        try:
            self._statement.set_options(**{_ROWS_OPTION: str(rows_max)})
            self._statement.set_sql_query(sql)
            handle, _ = self._statement.execute_query()
            self._reader = pa.RecordBatchReader.from_stream(handle)
        except self._errors as error:
            self._statement.close()
            raise _stopped() from error
        self.schema: pa.Schema = self._reader.schema
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="fetching")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fetcher.shutdown(cancel_futures=True)
        self._reader.close()
        self._statement.close()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield what has not been read yet."""
        fetching = self._fetcher.submit(self._next)
        while (batch := fetching.result()) is not None:
            fetching = self._fetcher.submit(self._next)
            yield batch

    def _next(self) -> pa.RecordBatch | None:
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            return None
        except self._errors as error:
            raise _stopped() from error


def _stopped() -> ConnectorError:
    # The driver's own words may quote a value.
    return ConnectorError("SQLite's Arrow driver stopped", hint="Run PRAGMA integrity_check on a copy.")
