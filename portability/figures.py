"""The figures of a column's control totals in the engine's SQL: which ones a type has, how each is asked and written.

What they are is decided by the column's Arrow type, never by the engine's view of it: that shows a duration as an
integer and a dictionary as text. Every figure is exact or absent, and comes from the rows themselves: figures are asked
of what ``aggregated`` makes of a value, of which the engine knows no statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from portability.totals import date_text, normal_float, normal_number, time_text, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Render = Callable[[Any], Any]

__all__ = ["Figure", "aggregated", "figures_of", "hidden", "is_sized"]

# A sum of 10**10 decimals of this precision fits the engine's 38 digits; wider ones are summed in two halves.
_SUMMABLE_PRECISION = 28
_HALF = 10**19
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class Figure(NamedTuple):
    """One figure: its name, an aggregate, and what makes its normal form of the engine's answer."""

    name: str
    sql: str
    render: Render


def hidden(value: str) -> str:
    """SQL of the same value, about which the engine knows nothing beforehand.

    It answers min, max and count from a file's own statistics when it can, and those know no NaN and may lie. A union
    has none, and to put a value into one and take it out copies nothing.
    """
    return f"union_extract(union_value(v := {value}), 'v')"


def aggregated(kind: pa.DataType, value: str) -> str:
    """SQL of what is aggregated in place of a value: its length where only that counts, else the value itself."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return hidden(f"len({value})")
    if _is_text(kind):
        return hidden(f"strlen(CAST({value} AS VARCHAR))")
    if _is_bytes(kind):
        return hidden(f"octet_length({value})")
    return value if pa.types.is_nested(kind) else hidden(value)


def figures_of(kind: pa.DataType, value: str) -> list[Figure]:
    """Return the figures of a column of this type; ``value`` names what ``aggregated`` made of it."""
    count = Figure("non_null", f"count({value})", int)
    if is_sized(kind):
        return [count, Figure("size_bytes", f"coalesce(sum({value}), 0)", int)]
    return [count, *_ordered(kind, value)]


def is_sized(kind: pa.DataType) -> bool:
    """Tell whether values have a length that counts: text and bytes, but not the labels of a dictionary."""
    return _is_bytes(kind) or (_is_text(kind) and not pa.types.is_dictionary(kind))


def _is_text(kind: pa.DataType) -> bool:
    """Tell whether values are text to the engine; a dictionary is, but only its count is compared."""
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.JsonType)
    return bool(is_text or (pa.types.is_dictionary(kind) and _is_text(kind.value_type)))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _ordered(kind: pa.DataType, value: str) -> list[Figure]:
    """The figures of types that have no size; none for types of which only the count is compared."""
    if pa.types.is_boolean(kind):
        return [Figure("true", f"count(*) FILTER (WHERE {value})", int)]
    if pa.types.is_integer(kind):
        return [Figure("sum", f"sum({value})", str), *_bounds(value, str)]
    if pa.types.is_decimal(kind):
        return [_decimal_sum(kind, value), *_bounds(value, _number)]
    if pa.types.is_floating(kind):
        return _bounds(value, normal_float, only="NOT isnan({0})")
    return _temporal(kind, value)


def _temporal(kind: pa.DataType, value: str) -> list[Figure]:
    if pa.types.is_date(kind):
        return _bounds(value, date_text, wrap="date_diff('day', DATE '1970-01-01', {0})")
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        text = timestamp_text if pa.types.is_timestamp(kind) else time_text
        if kind.unit == "ns":
            return _bounds(value, lambda count: f"{text(count // 1000)}{count % 1000:03d}", wrap="epoch_ns({0})")
        return _bounds(value, text, wrap="epoch_us({0})")
    if pa.types.is_duration(kind):
        return _bounds(value, lambda count: str(_microseconds(count, kind.unit)))
    return []


def _bounds(value: str, render: Render, *, wrap: str = "{0}", only: str = "") -> list[Figure]:
    condition = f" FILTER (WHERE {only.format(value)})" if only else ""
    return [
        Figure("minimum", wrap.format(f"min({value}){condition}"), render),
        Figure("maximum", wrap.format(f"max({value}){condition}"), render),
    ]


def _decimal_sum(kind: pa.DataType, value: str) -> Figure:
    if kind.precision <= _SUMMABLE_PRECISION:
        return Figure("sum", f"sum({value})", _number)
    unscaled = f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
    halves = f"CASE WHEN count({value}) > 0 THEN [sum({unscaled} // {_HALF}), sum({unscaled} % {_HALF})] END"
    return Figure("sum", halves, lambda found: normal_number(f"{found[0] * _HALF + found[1]}E-{kind.scale}"))


def _number(value: Any) -> str:  # noqa: ANN401 -- a Decimal, from the driver
    return normal_number(str(value))


def _microseconds(count: int, unit: str) -> int:
    return count // 1_000 if unit == "ns" else count * _MICROSECONDS[unit]
