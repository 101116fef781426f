"""PostgreSQL's rows as Arrow: binary COPY decoded by the ADBC driver, in the same snapshot, for tables that it fits.

What each column asks for is worded so that the driver's type for it holds every value exactly: decimals as integers
that count their last place (when the measured ends fit 64 bits, else as text), JSON as text, ``oid`` as bigint. A table
with a column that has no such wording, and any table where the driver is missing, is read as CSV lines; both ways give
the same batches, value by value. Infinite dates, which the driver would give as some number, are null already in the
SQL of a column that has any.
"""

from __future__ import annotations

import importlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import decoded
from portability.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.manifest import ColumnTotals

__all__ = ["ArrowSession", "arrow_select", "load_driver"]

_BATCH_BYTES = 16 * 1024 * 1024
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


def load_driver() -> Any | None:  # noqa: ANN401 -- the module
    """Return the ADBC driver's module, None when it is not installed: then rows come as text."""
    try:
        return importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        return None


def arrow_select(carrying: Carrying, totals: ColumnTotals | None) -> str | None:
    """Word a column for the driver; None when there is no wording that is exact.

    Args:
        carrying: How the column travels.
        totals: Its smallest and largest value, as measured in the snapshot; None for a sidecar.
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
        if scale >= 0 and totals is not None and _fits(totals, scale):
            return f"(({carrying.select}) * 1{'0' * scale})::bigint"
        return f"({carrying.select})::text"
    return None


def _fits(totals: ColumnTotals, scale: int) -> bool:
    ends = [Decimal(str(end)).scaleb(scale) for end in (totals.minimum, totals.maximum) if end is not None]
    return all(_LEAST <= end <= _MOST for end in ends)


class ArrowSession:
    """A second session on the snapshot, whose answers come as Arrow."""

    def __init__(self, driver: Any, conninfo: str, begin: Sequence[str]) -> None:  # noqa: ANN401 -- the module
        self._connection = driver.connect(conninfo, autocommit=True)
        try:
            for statement in begin:
                with self._connection.cursor() as cursor:
                    cursor.execute(statement)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the session, whatever state it is in."""
        self._connection.close()

    def read(self, sql: str, plan: TablePlan, carryings: Sequence[Carrying]) -> Iterator[pa.RecordBatch]:
        """Yield a query's rows as batches of the plan's schema.

        Raises:
            ConnectorError: The driver gives another type than the SQL's.
        """
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
            cursor.execute(sql)
            for batch in cursor.fetch_record_batch():
                columns = [_decode(array, c) for array, c in zip(batch.columns, carryings, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, schema=plan.schema)
        finally:
            cursor.adbc_cancel()
            cursor.close()


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
