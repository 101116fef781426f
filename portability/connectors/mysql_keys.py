"""How MariaDB's and MySQL's keys are compared exactly, whatever the server itself calls equal.

A text equals another one under its collation though case, accents or trailing blanks differ, and equals a number when
it begins with one; a number written beside a field of bits is decimal, and beside a year it has two digits. So texts
are compared with texts of the same collation, for the index, and as bytes beside that; other values in their own form.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from portability.connectors.mysql_types import (
    BYTES,
    FLOATS,
    INTEGER_BITS,
    TEXTS,
    UTF8_SETS,
    as_utf8,
    decide_column,
    quote_identifier,
    split_type,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.manifest import Column

__all__ = ["after", "among", "comparable", "compares_exactly", "exact_key", "key_equals", "literal"]

_HEX = re.compile(r"([0-9A-Fa-f]{2})+")
_PLAIN_NUMBER = re.compile(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")
_YEAR = re.compile(r"0|[0-9]{4}")


def key_equals(column: Column, value: Any) -> str:  # noqa: ANN401 -- whatever a key column holds
    """SQL that is true where a column of a key has exactly this value, as read."""
    name, (kind, _) = quote_identifier(column.name), split_type(column)
    if isinstance(value, str) and kind in TEXTS:
        octets = f"X'{value.encode().hex()}'"
        # The first comparison may use the key's index, the second knows no collation.
        near = f"{name} = {_like(column, octets)}"
        return f"{near} AND CAST({as_utf8(column)} AS BINARY) = {octets}"
    if kind == "bit":
        # As a number it would be decimal.
        return f"{name} = b'{value}'"
    if isinstance(value, Decimal):
        return f"{name} = {value:f}"
    if isinstance(value, timedelta):
        return f"{decide_column(column, {}).value} = {value // timedelta(microseconds=1)}"
    if isinstance(value, datetime):
        return f"{name} = '{value.replace(tzinfo=None)}'"
    return f"{name} = {literal(value if isinstance(value, bytes) else str(value))}"


def among(column: Column, name: str, values: Sequence[str]) -> str:
    """SQL that is true where a column, written ``name``, has exactly one of these values (bytes as hex)."""
    kind, size = split_type(column)
    if kind in BYTES:
        octets = [f"X'{value}'" for value in values if _HEX.fullmatch(value)]
        return f"{name} IN ({', '.join(octets)})" if octets else "1 = 0"
    if kind in TEXTS:
        octets = [f"X'{value.encode().hex()}'" for value in values]
        near = ", ".join(_like(column, each) for each in octets)
        text = name if column.charset in UTF8_SETS else f"CONVERT({name} USING utf8mb4)"
        # The first comparison may use an index, the second knows no collation.
        return f"{name} IN ({near}) AND CAST({text} AS BINARY) IN ({', '.join(octets)})"
    if kind == "bit":
        held = [f"b'{value}'" for value in values if len(value) == int(size or 1) and not set(value) - {"0", "1"}]
        return f"{name} IN ({', '.join(held)})" if held else "1 = 0"
    if kind == "year":
        # Written as a number the year 99 would be 1999.
        held = [str(int(value)) for value in values if _YEAR.fullmatch(value)]
        return f"{name} + 0 IN ({', '.join(held)})" if held else "1 = 0"
    numbers = kind in INTEGER_BITS or kind in FLOATS or kind in ("decimal", "numeric")
    # 07 is a text of its own, though 7 as a number; only a column that is filled with zeros prints it.
    plain = numbers and kind not in FLOATS and "zerofill" not in column.native_type.lower()
    shape = _PLAIN_NUMBER if plain else _NUMBER
    if numbers:
        held = [value for value in values if shape.fullmatch(value)]
        return f"{name} IN ({', '.join(held)})" if held else "1 = 0"
    near = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    exact = ", ".join(f"X'{value.encode().hex()}'" for value in values)
    return f"{name} IN ({near}) AND {exact_key(column, name)} IN ({exact})"


def _like(column: Column, octets: str) -> str:
    """SQL of a text in a column's character set and collation: the server compares it with no other collation's."""
    return f"CONVERT(CONVERT({octets} USING utf8mb4) USING {column.charset}) COLLATE {column.collation}"


def exact_key(column: Column, name: str) -> str:
    """SQL of a key's characters as bytes (of bytes their hexadecimal digits), which no collation compares."""
    kind, _ = split_type(column)
    if kind in BYTES:
        return f"CAST(LOWER(HEX({name})) AS BINARY)"
    if kind not in TEXTS:
        return f"CAST(CAST({name} AS CHAR) AS BINARY)"
    text = name if column.charset in UTF8_SETS else f"CONVERT({name} USING utf8mb4)"
    return f"CAST({text} AS BINARY)"


def comparable(column: Column, other: Column, name: str) -> str | None:
    """SQL of another column's value under this one's character set and collation; None for another family of types."""
    family, other_family = _family(column), _family(other)
    if family != other_family:
        return None
    if family != "text" or (column.charset, column.collation) == (other.charset, other.collation):
        return name
    return f"CONVERT({name} USING {column.charset}) COLLATE {column.collation}"


def compares_exactly(column: Column, other: Column) -> bool:
    """Whether the server calls values of two columns equal only when they read the same."""
    family = _family(column)
    if family != _family(other):
        return False
    if family == "text":
        return column.collation == other.collation and str(column.collation).endswith("_nopad_bin")
    return True


def _family(column: Column) -> str:
    kind, _ = split_type(column)
    if kind in INTEGER_BITS:
        return "whole number"
    if kind in BYTES:
        return "bytes"
    return "text" if kind in TEXTS else kind


def after(terms: Sequence[str], columns: Sequence[Column], last: Sequence[bytes]) -> str:
    """SQL that is true for the rows after the one whose key terms have these values, as sent."""
    texts = [
        value if split_type(c)[0] in TEXTS | BYTES else value.decode() for value, c in zip(last, columns, strict=True)
    ]
    values = [literal(text) for text in texts]
    steps = []
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        same = [f"{t} = {v}" for t, v in zip(terms[:place], values, strict=False)]
        steps.append(" AND ".join([*same, f"{term} > {value}"]))
    return " OR ".join(f"({step})" for step in steps)


def literal(value: bytes | str) -> str:
    """SQL literal of a value as the driver returns it: bytes, or a number, date or time as text."""
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return value if _NUMBER.fullmatch(value) else "'" + value.replace("'", "''") + "'"
