"""How MariaDB's and MySQL's types travel: the Arrow type that a declaration promises, values that break it, and totals.

A column's ``native_type`` is the server's ``COLUMN_TYPE``. Text arrives as UTF-8 whatever the column's character set
is. What has no counterpart in Arrow (enums, sets, bit fields, network addresses) travels as text, shapes and types not
known here as the bytes that the server sends.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.manifest import Column

__all__ = [
    "among",
    "comparable",
    "compares_exactly",
    "decide_column",
    "exact_key",
    "key_equals",
    "key_term",
    "literal",
    "octets",
    "order_term",
    "probe_column",
    "quote_identifier",
    "raw_text",
    "totals",
]

# Longer text stays out of the CSV line, which the server refuses to build beyond its max_allowed_packet.
LINE_VALUE_BYTES = 16 * 1024
# Longer columns of a table without a key are ordered by their digest: the server compares no more than
# max_sort_length bytes.
SORTED_CHARACTERS = 255
_DECIMAL_DIGITS = 38
_UTF8_CHARACTER_BYTES = 4
_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 32, "int": 32, "integer": 32, "bigint": 64}
_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_UNSIGNED = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}
_FLOATS = {"float": pa.float32(), "double": pa.float64(), "real": pa.float64()}
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_CAST_TO_TEXT = frozenset({"inet4", "inet6"})
_SHAPES = frozenset(
    {
        "geometry",
        "geometrycollection",
        "geomcollection",
        "linestring",
        "multilinestring",
        "multipoint",
        "multipolygon",
        "point",
        "polygon",
    }
)
# Character sets whose bytes are UTF-8 already, and those that UTF-8 holds completely and back again.
_UTF8 = frozenset({"utf8mb4", "utf8mb3", "utf8"})
_COMPLETE = _UTF8 | {"latin1", "ucs2", "utf16", "utf16le", "utf32"}
_TYPE = re.compile(r"(\w+)(?:\(([^)]*)\))?")
_HEX = re.compile(r"([0-9A-Fa-f]{2})+")
_PLAIN_NUMBER = re.compile(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")
_IMPOSSIBLE = "not a date of the calendar"


def quote_identifier(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"


def _name_type(column: Column) -> tuple[str, str]:
    """Split a declared type into its name and what stands in its brackets."""
    found = _TYPE.match(column.native_type.lower())
    return (found[1], found[2] or "") if found else ("", "")


def probe_column(column: Column, inline_bytes: int) -> dict[str, str]:
    """Word the probes like the totals of a column without surprises: then one scan gives both."""
    carrying = decide_column(column, {})
    probes = totals(carrying)
    if carrying.kind in ("text", "bytes") and not _is_short(column, min(inline_bytes, LINE_VALUE_BYTES)):
        probes["size"] = f"max({octets(carrying)})"
    if misfit := _misfit(column):
        probes["misfit"] = f"sum(CASE WHEN {misfit} THEN 1 ELSE 0 END)"
    return probes


def decide_column(column: Column, probed: Mapping[str, Any]) -> Carrying:
    """Return how the column travels; without probes, as it would if no value surprised."""
    carrying = _promised(column)
    if int(probed.get("misfit") or 0):
        misfit = _misfit(column)
        kept = f"CASE WHEN {misfit} THEN NULL ELSE {{}} END"
        reason = "no Unicode text stands for these bytes" if carrying.kind == "text" else _IMPOSSIBLE
        raw = (
            quote_identifier(column.name)
            if carrying.kind != "text"
            else f"CAST({quote_identifier(column.name)} AS BINARY)"
        )
        value, select = kept.format(carrying.value), kept.format(carrying.select)
        carrying = replace(carrying, select=select, value=value, unfit=misfit, reason=reason, raw=raw)
    if carrying.kind == "text" and int(probed.get("size") or 0) > LINE_VALUE_BYTES:
        carrying = replace(carrying, select=carrying.value, codec="native")
    return carrying


def totals(carrying: Carrying) -> dict[str, str]:
    """Aggregates of the carried values."""
    value = carrying.value
    bounds = {"minimum": f"min({value})", "maximum": f"max({value})"}
    if carrying.kind == "number":
        return {"sum": f"sum({value})", **bounds}
    if carrying.kind in ("float", "date", "timestamp", "duration"):
        return bounds
    return {"size_bytes": f"sum({octets(carrying)})"} if carrying.kind in ("text", "bytes") else {}


def octets(carrying: Carrying) -> str:
    """SQL of the carried value's length in bytes, as UTF-8."""
    return f"length({carrying.value})"


def order_term(column: Column) -> str:
    """SQL that tells a column's different values apart and puts them in an order that no collation changes."""
    name, (kind, size) = quote_identifier(column.name), _name_type(column)
    if kind in ("enum", "set", "bit", "year"):
        return f"{name} + 0"
    if kind in _FLOATS:
        return f"{name}, CONCAT({name} + 0e0)"
    if kind in ("char", "varchar") and int(size) <= SORTED_CHARACTERS:
        return f"CAST({_as_utf8(column)} AS BINARY)"
    if kind in _TEXTS or kind == "json":
        return f"SHA2({_as_utf8(column)}, 256)"
    if kind in _SHAPES or (kind in _BYTES and int(size or SORTED_CHARACTERS + 1) > SORTED_CHARACTERS):
        return f"SHA2({name}, 256)"
    return name


def key_term(column: Column) -> str:
    """SQL that orders rows by a column of a key, text by its bytes in UTF-8."""
    name, (kind, _) = quote_identifier(column.name), _name_type(column)
    if kind in ("bit", "year"):
        return f"{name} + 0"
    if kind == "uuid":
        # MariaDB orders some versions of UUIDs by their time; their digits are in the order of their bytes.
        return f"CAST({name} AS CHAR)"
    return f"CAST({_as_utf8(column)} AS BINARY)" if kind in _TEXTS else name


def raw_text(column: Column) -> str:
    """SQL that renders a column's value as text."""
    name, (kind, _) = quote_identifier(column.name), _name_type(column)
    if kind in _BYTES or kind in _SHAPES:
        return f"HEX({name})"
    return _promised(column).value if kind in _TEXTS or kind == "bit" else f"CAST({name} AS CHAR)"


def key_equals(column: Column, value: Any) -> str:  # noqa: ANN401 -- whatever a key column holds
    """SQL that is true where a column of a key has exactly this value, as read."""
    name, (kind, _) = quote_identifier(column.name), _name_type(column)
    if isinstance(value, str) and kind in _TEXTS:
        octets = f"X'{value.encode().hex()}'"
        # The first comparison may use the key's index, the second knows no collation.
        near = f"{name} = {_like(column, octets)}"
        return f"{near} AND CAST({_as_utf8(column)} AS BINARY) = {octets}"
    if isinstance(value, timedelta):
        return f"{_promised(column).value} = {value // timedelta(microseconds=1)}"
    if isinstance(value, datetime):
        return f"{name} = '{value.replace(tzinfo=None)}'"
    return f"{name} = {literal(value if isinstance(value, bytes) else str(value))}"


def among(column: Column, name: str, values: Sequence[str]) -> str:
    """SQL that is true where a column, written ``name``, has exactly one of these values (bytes as hex)."""
    kind, _ = _name_type(column)
    if kind in _BYTES:
        octets = [f"X'{value}'" for value in values if _HEX.fullmatch(value)]
        return f"{name} IN ({', '.join(octets)})" if octets else "1 = 0"
    if kind in _TEXTS:
        octets = [f"X'{value.encode().hex()}'" for value in values]
        near = ", ".join(_like(column, each) for each in octets)
        text = name if column.charset in _UTF8 else f"CONVERT({name} USING utf8mb4)"
        # The first comparison may use an index, the second knows no collation.
        return f"{name} IN ({near}) AND CAST({text} AS BINARY) IN ({', '.join(octets)})"
    numbers = kind in _INTEGER_BITS or kind in _FLOATS or kind in ("decimal", "numeric", "bit", "year")
    # 07 is a text of its own, though 7 as a number; only a column that is filled with zeros prints it.
    plain = numbers and kind not in _FLOATS and "zerofill" not in column.native_type.lower()
    shape = _PLAIN_NUMBER if plain else _NUMBER
    held = [value for value in values if not numbers or shape.fullmatch(value)]
    quoted = [value if numbers else "'" + value.replace("'", "''") + "'" for value in held]
    return f"{name} IN ({', '.join(quoted)})" if quoted else "1 = 0"


def _like(column: Column, octets: str) -> str:
    """SQL of a text in a column's character set and collation: the server compares it with no other collation's."""
    return f"CONVERT(CONVERT({octets} USING utf8mb4) USING {column.charset}) COLLATE {column.collation}"


def exact_key(column: Column, name: str) -> str:
    """SQL of a key's characters as bytes (of bytes their hexadecimal digits), which no collation compares."""
    kind, _ = _name_type(column)
    if kind in _BYTES:
        return f"CAST(LOWER(HEX({name})) AS BINARY)"
    if kind not in _TEXTS:
        return f"CAST(CAST({name} AS CHAR) AS BINARY)"
    text = name if column.charset in _UTF8 else f"CONVERT({name} USING utf8mb4)"
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
    kind, _ = _name_type(column)
    if kind in _INTEGER_BITS:
        return "whole number"
    if kind in _BYTES:
        return "bytes"
    return "text" if kind in _TEXTS else kind


def literal(value: bytes | str) -> str:
    """SQL literal of a value as the driver returns it: bytes, or a number, date or time as text."""
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return value if _NUMBER.fullmatch(value) else "'" + value.replace("'", "''") + "'"


def _quote_line(value: str) -> str:
    """SQL of a text as a quoted CSV field, in bytes, so that no collation has a say."""
    return f"""CONCAT('"', REPLACE(CAST({value} AS BINARY), '"', '""'), '"')"""


def _promised(column: Column) -> Carrying:
    name, (kind, size) = quote_identifier(column.name), _name_type(column)
    declared = column.native_type.lower()
    if kind in _INTEGER_BITS:
        # A zero-filled column prints its zeros unless it is computed with.
        value = f"({name} + 0)" if "zerofill" in declared else name
        arrow = (_UNSIGNED if "unsigned" in declared else _SIGNED)[_INTEGER_BITS[kind]]
        return Carrying(name=column.name, arrow=arrow, select=value, kind="number", value=value)
    if kind in _FLOATS:
        # As a double: a FLOAT prints six digits, FLOAT(M,D) prints D decimals.
        value = f"({name} + 0e0)"
        return Carrying(name=column.name, arrow=_FLOATS[kind], select=value, kind="float", value=value)
    if kind == "decimal" and (found := _decimal(column.name, name, size, "zerofill" in declared)):
        return found
    if kind == "year":
        value = f"({name} + 0)"
        return Carrying(name=column.name, arrow=pa.int16(), select=value, kind="number", value=value)
    found = _temporal(column, name, kind)
    if found or kind in _TEXTS or kind in _CAST_TO_TEXT or kind in ("bit", "decimal", "json", "uuid"):
        return found or _text(column, name, kind, size)
    # Blobs, and what is not known here: the bytes that the server sends. A shape's are four of SRID, then well-known
    # binary.
    return Carrying(name=column.name, arrow=pa.binary(), select=name, kind="bytes", codec="native", value=name)


def _decimal(column: str, name: str, size: str, zerofill: bool) -> Carrying | None:  # noqa: FBT001 -- of the declaration
    precision, _, scale = size.partition(",")
    if int(precision) > _DECIMAL_DIGITS:
        return None
    value = f"({name} + 0)" if zerofill else name
    arrow = pa.decimal128(int(precision), int(scale or 0))
    return Carrying(name=column, arrow=arrow, select=value, kind="number", value=value)


def _temporal(column: Column, name: str, kind: str) -> Carrying | None:
    if kind == "date":
        return Carrying(name=column.name, arrow=pa.date32(), select=name, kind="date", value=name)
    if kind == "datetime":
        return Carrying(name=column.name, arrow=pa.timestamp("us"), select=name, kind="timestamp", value=name)
    if kind == "timestamp":
        # The session's zone is UTC.
        arrow = pa.timestamp("us", "UTC")
        return Carrying(name=column.name, arrow=arrow, select=name, kind="timestamp", codec="utc", value=name)
    if kind == "time":
        seconds = f"HOUR({name}) * 3600 + MINUTE({name}) * 60 + SECOND({name})"
        value = f"(IF({name} < 0, -1, 1) * (({seconds}) * 1000000 + MICROSECOND({name})))"
        arrow = pa.duration("us")
        return Carrying(name=column.name, arrow=arrow, select=value, kind="duration", codec="duration", value=value)
    return None


def _text(column: Column, name: str, kind: str, size: str) -> Carrying:
    if kind == "uuid":
        select = f"CAST({name} AS CHAR)"
        return Carrying(name=column.name, arrow=pa.uuid(), select=select, kind="opaque", codec="uuid", value=name)
    if kind == "bit":
        value = f"LPAD(BIN({name} + 0), {int(size or 1)}, '0')"
    elif kind in _TEXTS or kind == "json":
        value = _as_utf8(column)
    else:
        value = f"CAST({name} AS CHAR)"
    arrow, codec = (pa.json_(), "json") if kind == "json" else (pa.string(), "plain")
    return Carrying(name=column.name, arrow=arrow, select=_quote_line(value), kind="text", codec=codec, value=value)


def _as_utf8(column: Column) -> str:
    name = quote_identifier(column.name)
    return name if column.charset in _UTF8 else f"CONVERT({name} USING utf8mb4)"


def _misfit(column: Column) -> str:
    """SQL that is true for a value that the promised type cannot hold; empty where there is none."""
    name, (kind, _) = quote_identifier(column.name), _name_type(column)
    if kind in ("date", "datetime"):
        # Zero and partial dates have no day number; the 31st of February has that of another day.
        return f"({name} IS NOT NULL AND NOT IFNULL(FROM_DAYS(TO_DAYS({name})) = DATE({name}), 0))"
    if kind == "timestamp":
        return f"({name} < '1970-01-01')"
    if kind in _TEXTS and column.charset is not None and column.charset not in _COMPLETE:
        there_and_back = f"CONVERT({_as_utf8(column)} USING {column.charset})"
        return f"(CAST({there_and_back} AS BINARY) <> CAST({name} AS BINARY))"
    return ""


def _is_short(column: Column, limit_bytes: int) -> bool:
    kind, size = _name_type(column)
    if kind in ("char", "varchar", "binary", "varbinary"):
        return int(size) * _UTF8_CHARACTER_BYTES <= limit_bytes
    return kind in ("enum", "set", "bit", "tinytext", "tinyblob") or kind.startswith("inet")
