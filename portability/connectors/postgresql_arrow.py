"""PostgreSQL's rows as Arrow: binary COPY decoded by the ADBC driver, in the same snapshot, for tables that it fits.

What each column asks for is worded so that the driver's type for it holds every value exactly: decimals as integers
that count their last place (when the measured ends fit 64 bits, else as text), JSON as text, ``oid`` as bigint. A table
with a column that has no such wording, and any table where the driver is missing, is read as CSV lines; both ways give
the same batches, value by value. Infinite dates, which the driver would give as some number, are null already in the
SQL of a column that has any.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from portability.connectors.carrying import decoded
from portability.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.manifest import ColumnTotals

__all__ = ["ArrowSession", "Driver", "arrow_select", "arrow_selects", "load_driver"]

_BATCH_BYTES = 4 * 1024 * 1024
# A decimal of so many places goes up to 9 billion as an integer of 64 bits.
_PRESUMED_SCALE = 9
_LEAST, _MOST = -(2**63), 2**63 - 1
# Types that the driver decodes to the very Arrow type that is promised.
_SAME = (
    pa.bool_(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.date32(),
    pa.timestamp("us"),
    pa.time64("us"),
)


class Driver(NamedTuple):
    """The ADBC driver's modules. Not its ``dbapi``, which imports half of pyarrow and all of pandas."""

    manager: Any
    postgresql: Any


def load_driver() -> Driver | None:
    """Return the ADBC driver, None when it is not installed: then rows come as text."""
    try:
        return Driver(*map(importlib.import_module, ("adbc_driver_manager", "adbc_driver_postgresql")))
    except ImportError:
        return None


def arrow_selects(plan: TablePlan, *, guarded: Mapping[str, str]) -> list[str] | None:
    """Word every column of a plan for the driver; None when one has no wording that is exact.

    Args:
        plan: Presumed or measured.
        guarded: For columns of a presumed plan whose values may be of any length, SQL that is true of those that a
            batch can hold. Were another among them, the measured plan would be another.
    """
    totals = {column.name: column for column in plan.totals.columns}
    selects = []
    for carrying in plan.detail.carryings:
        select = arrow_select(carrying, totals.get(carrying.name), presumed=plan.presumed)
        if select is None:
            return None
        fits = guarded.get(carrying.name)
        selects.append(select if fits is None else f"CASE WHEN {fits} THEN {select} END")
    return selects


def arrow_select(carrying: Carrying, totals: ColumnTotals | None, *, presumed: bool = False) -> str | None:
    """Word a column for the driver; None when there is no wording that is exact.

    Args:
        carrying: How the column travels.
        totals: Its smallest and largest value, as measured in the snapshot; None for a sidecar.
        presumed: Nothing was measured yet: a decimal of few places is taken to fit 64 bits. One that does not stops
            the reading.
    """
    if carrying.codec == "hex":
        plain = carrying.select == f"encode({carrying.value}, 'hex')"
        return carrying.value if plain else f"decode({carrying.select}, 'hex')"
    if carrying.codec in ("utc", "uuid", "json") or (carrying.codec == "plain" and carrying.arrow in _SAME):
        return carrying.select
    if pa.types.is_integer(carrying.arrow):
        return f"({carrying.select})::bigint"
    if pa.types.is_decimal128(carrying.arrow):
        scale = carrying.arrow.scale
        fits = scale <= _PRESUMED_SCALE if presumed else totals is not None and _fits(totals, scale)
        if scale >= 0 and fits:
            return f"(({carrying.select}) * 1{'0' * scale})::bigint"
        return f"({carrying.select})::text"
    return None


def _fits(totals: ColumnTotals, scale: int) -> bool:
    ends = [Decimal(str(end)).scaleb(scale) for end in (totals.minimum, totals.maximum) if end is not None]
    return all(_LEAST <= end <= _MOST for end in ends)


class ArrowSession:
    """A second session on the snapshot, whose answers come as Arrow."""

    def __init__(self, driver: Driver, conninfo: str, begin: Sequence[str]) -> None:
        self._manager = driver.manager
        self._opened = [driver.postgresql.connect(conninfo)]
        try:
            self._connection = self._manager.AdbcConnection(self._opened[0])
            self._opened.append(self._connection)
            for text in begin:
                with closing(self._statement(text)) as statement:
                    statement.execute_update()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the session, whatever state it is in."""
        while self._opened:
            self._opened.pop().close()

    def read(self, sql: str, plan: TablePlan, carryings: Sequence[Carrying]) -> Iterator[pa.RecordBatch]:
        """Yield a query's rows as batches of the plan's schema, the next one coming in while one is looked at.

        Raises:
            ConnectorError: The driver gives another type than the SQL's.
        """
        # A thread waits for the server, because nobody who waits in the driver hears an interruption.
        with closing(self._statement(sql)) as statement, ThreadPoolExecutor(1, "fetching") as fetcher:
            statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
            stream: pa.RecordBatchReader | None = None
            try:
                stream = fetcher.submit(_execute, statement).result()
                fetching = fetcher.submit(_next, stream)
                while (batch := fetching.result()) is not None:
                    fetching = fetcher.submit(_next, stream)
                    columns = [_decode(array, c) for array, c in zip(batch.columns, carryings, strict=True)]
                    yield pa.RecordBatch.from_arrays(columns, schema=plan.schema)
            finally:
                statement.cancel()
                fetcher.shutdown(cancel_futures=True)
                if stream is not None:
                    stream.close()

    def _statement(self, sql: str) -> Any:  # noqa: ANN401 -- the driver's
        statement = self._manager.AdbcStatement(self._connection)
        statement.set_sql_query(sql)
        return statement


def _execute(statement: Any) -> pa.RecordBatchReader:  # noqa: ANN401 -- the driver's
    stream, _ = statement.execute_query()
    return pa.RecordBatchReader.from_stream(stream)


def _next(stream: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return stream.read_next_batch()
    except StopIteration:
        return None


def _decode(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Give the driver's array the promised type, by changes that lose nothing or fail."""
    if isinstance(array, pa.ExtensionArray) and carrying.codec != "uuid":
        array = array.storage
    if array.type == carrying.arrow:
        return array
    if carrying.codec == "uuid":
        storage = array.storage if isinstance(array, pa.ExtensionArray) else array
        return pa.ExtensionArray.from_storage(carrying.arrow, storage.cast(pa.binary(16)))
    if pa.types.is_decimal128(carrying.arrow):
        return _decimal(array, carrying.arrow)
    if carrying.codec in ("json", "utc"):
        return decoded(array, carrying)
    if not (pa.types.is_integer(array.type) and pa.types.is_integer(carrying.arrow)):
        raise ConnectorError(f"the driver gives {array.type} for {carrying.name}, not {carrying.arrow}")
    return array.cast(carrying.arrow)


def _decimal(array: pa.Array, kind: pa.Decimal128Type) -> pa.Array:
    if pa.types.is_string(array.type):
        return array.cast(kind)
    # Integers that count the last place: the same digits under another name, no arithmetic.
    whole = array.cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, kind.scale), len(whole), whole.buffers()).cast(kind)
