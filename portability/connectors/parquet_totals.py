"""Control totals of a Parquet column by DuckDB's own reader, for sources that are Parquet files.

Every figure comes from the rows: an element of a list has no statistics that the file could lie about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.totals import date_text, normal_float, normal_number, time_text, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["totals_sql"]

Figure = tuple[str, str, "Callable[[Any], Any]"]

_HALF = 10**19
_SUMMABLE_PRECISION = 28
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def totals_sql(carried: pa.DataType, name: str, kind: pa.DataType) -> list[Figure]:
    """Return each figure of a column with its SQL and what makes its normal form of the answer.

    Args:
        carried: The column's type in the archive.
        name: Its name in the SQL.
        kind: Its type in the file.
    """
    value = f"list_value({name})[1]"
    counted: Figure = ("non_null", f"count({name})", int)
    if carried != kind:
        return [counted]
    if (is_text := _is_text(kind)) or _is_bytes(kind):
        length = f"strlen(CAST({value} AS VARCHAR))" if is_text else f"octet_length({value})"
        sized: list[Figure] = [counted, ("size_bytes", f"coalesce(sum({length}), 0)", int)]
        # A UUID or JSON never becomes a file.
        return sized if isinstance(kind, pa.BaseExtensionType) else [*sized, ("longest", f"max({length})", int)]
    if pa.types.is_boolean(kind):
        return [counted, ("true", f"count(*) FILTER (WHERE {value})", int)]
    if pa.types.is_integer(kind):
        return [counted, ("sum", f"sum({value})", str), *_bounds(value, str)]
    if pa.types.is_decimal(kind):
        return [counted, _decimal_sum(kind, value), *_bounds(value, _number)]
    if pa.types.is_floating(kind):
        return [counted, *_bounds(value, normal_float, only=f" FILTER (WHERE NOT isnan({value}))")]
    return [counted, *_temporal(kind, value)]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.JsonType))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _temporal(kind: pa.DataType, value: str) -> list[Figure]:
    if pa.types.is_date(kind):
        return _bounds(value, date_text, wrap="date_diff('day', DATE '1970-01-01', {0})")
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        text = timestamp_text if pa.types.is_timestamp(kind) else time_text
        if kind.unit == "ns":
            return _bounds(value, lambda count: f"{text(count // 1000)}{count % 1000:03d}", wrap="epoch_ns({0})")
        return _bounds(value, text, wrap="epoch_us({0})")
    if pa.types.is_duration(kind):
        unit = kind.unit
        return _bounds(value, lambda count: str(count // 1000 if unit == "ns" else count * _MICROSECONDS[unit]))
    return []


def _bounds(value: str, render: Callable[[Any], str], *, wrap: str = "{0}", only: str = "") -> list[Figure]:
    return [
        ("minimum", wrap.format(f"min({value}){only}"), render),
        ("maximum", wrap.format(f"max({value}){only}"), render),
    ]


def _decimal_sum(kind: pa.DataType, value: str) -> Figure:
    if kind.precision <= _SUMMABLE_PRECISION:
        return ("sum", f"sum({value})", _number)
    unscaled = f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
    halves = f"CASE WHEN count({value}) > 0 THEN [sum({unscaled} // {_HALF}), sum({unscaled} % {_HALF})] END"
    return ("sum", halves, lambda found: normal_number(f"{found[0] * _HALF + found[1]}E-{kind.scale}"))


def _number(value: Any) -> str:  # noqa: ANN401 -- a Decimal, from the driver
    return normal_number(str(value))
