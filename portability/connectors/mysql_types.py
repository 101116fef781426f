"""How MariaDB's and MySQL's types travel: the Arrow type that a declaration promises, values that break it, and totals.

A column's ``native_type`` is the server's ``COLUMN_TYPE``. Text arrives as UTF-8 whatever the column's character set
is. What has no counterpart in Arrow (enums, sets, bit fields, network addresses) travels as text, shapes and types not
known here as the bytes that the server sends.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying
from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.manifest import Column

__all__ = [
    "BYTES",
    "FLOATS",
    "INTEGER_BITS",
    "TEXTS",
    "UTF8_SETS",
    "as_utf8",
    "decide_column",
    "is_ascii",
    "key_term",
    "octets",
    "order_term",
    "probe_column",
    "quote_identifier",
    "raw_text",
    "sent",
    "split_type",
    "totals",
]

# Longer text stays out of the CSV line, which the server refuses to build beyond its max_allowed_packet.
LINE_VALUE_BYTES = 16 * 1024
# Longer columns of a table without a key are ordered by their digest: the server compares no more than
# max_sort_length bytes.
SORTED_CHARACTERS = 255
_DECIMAL_DIGITS = 38
# MariaDB counts the room for a converted text in 32 bits, at four bytes a character; beyond them it says nothing and
# returns the beginning.
_CONVERTED_BYTES_MAX = 1024 * 1024 * 1024 - 16
_UTF8_CHARACTER_BYTES = 4
INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 32, "int": 32, "integer": 32, "bigint": 64}
_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_UNSIGNED = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}
FLOATS = {"float": pa.float32(), "double": pa.float64(), "real": pa.float64()}
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
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
# Character sets whose bytes are UTF-8 already (of ascii all that fits), and those that UTF-8 holds completely.
UTF8_SETS = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii"})
_COMPLETE = (UTF8_SETS - {"ascii"}) | {"latin1", "utf16", "utf16le"}
# They hold halves of surrogates, of which the server makes what is no UTF-8; of its UTF-16 they are no part.
_WITH_HALVES = frozenset({"ucs2", "utf32"})
_TYPE = re.compile(r"(\w+)(?:\(([^)]*)\))?")
_IMPOSSIBLE = "not a date of the calendar"


def quote_identifier(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"


def split_type(column: Column) -> tuple[str, str]:
    """Split a declared type into its name and what stands in its brackets."""
    found = _TYPE.match(column.native_type.lower())
    return (found[1], found[2] or "") if found else ("", "")


def probe_column(column: Column, inline_bytes: int) -> dict[str, str]:
    """Word the probes like the totals of a column without surprises: then one scan gives both."""
    carrying = decide_column(column, {})
    probes = totals(carrying)
    if carrying.kind in ("text", "bytes") and not _is_short(column, min(inline_bytes, LINE_VALUE_BYTES)):
        probes["size"] = f"max({octets(carrying)})"
    if _is_converted_long(column):
        probes["stored"] = f"max(length({quote_identifier(column.name)}))"
    if misfit := _misfit(column):
        probes["misfit"] = f"sum(CASE WHEN {misfit} THEN 1 ELSE 0 END)"
    return probes


def decide_column(column: Column, probed: Mapping[str, Any], *, lined: bool = True) -> Carrying:
    """Return how the column travels; without probes, as it would if no value surprised.

    Args:
        column: The column.
        probed: What the probes told.
        lined: Rows come as CSV lines that the server builds; then long texts travel beside them.

    Raises:
        SourceDataError: A text is so long that the server would cut it.
    """
    if int(probed.get("stored") or 0) > _CONVERTED_BYTES_MAX:
        message = f"a text of {column.name} is longer than the server converts to UTF-8 without cutting it"
        raise SourceDataError(message, hint="Exclude the column in the profile, or let the server keep it as utf8mb4.")
    carrying = _promised(column)
    if int(probed.get("misfit") or 0):
        misfit = _misfit(column)
        reason = "no Unicode text stands for these bytes" if carrying.kind == "text" else _IMPOSSIBLE
        raw = (
            quote_identifier(column.name)
            if carrying.kind != "text"
            else f"CAST({quote_identifier(column.name)} AS BINARY)"
        )
        value, select = (f"CASE WHEN {misfit} THEN NULL ELSE {sql} END" for sql in (carrying.value, carrying.select))
        carrying = replace(carrying, select=select, value=value, unfit=misfit, reason=reason, raw=raw)
    if lined and carrying.kind == "text" and int(probed.get("size") or 0) > LINE_VALUE_BYTES:
        carrying = replace(carrying, select=carrying.value, codec="native")
    return carrying


def is_ascii(column: Column) -> bool:
    """Whether a column is of text that is declared ASCII, which holds other bytes all the same."""
    return column.charset == "ascii" and split_type(column)[0] in TEXTS


def sent(carrying: Carrying, column: Column | None, longest: int | None, *, as_stored: bool = False) -> str:
    """SQL of a carried value where a row is sent as it is.

    Args:
        carrying: The carrying.
        column: Its column; None for what is beside one.
        longest: Longer values are not wanted; None where there are none.
        as_stored: Of ASCII the bytes themselves; the server would replace those that are none.
    """
    if column is None or carrying.kind not in ("text", "bytes"):
        return carrying.select
    # The server sends text in the session's character set, UTF-8, without being told so in SQL.
    plain = carrying.value == as_utf8(column) and column.charset not in (None, "binary")
    value = quote_identifier(column.name) if plain else carrying.value
    if as_stored and is_ascii(column):
        value = f"CAST({quote_identifier(column.name)} AS BINARY)"
    if longest is None or _is_short(column, longest):
        return value
    return f"CASE WHEN {octets(carrying)} <= {longest} THEN {value} END"


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
    name, (kind, size) = quote_identifier(column.name), split_type(column)
    if kind in ("enum", "set", "bit", "year"):
        return f"{name} + 0"
    if kind in FLOATS:
        return f"{name}, CONCAT({name} + 0e0)"
    if kind in ("char", "varchar") and int(size) <= SORTED_CHARACTERS:
        return f"CAST({as_utf8(column)} AS BINARY)"
    if kind in TEXTS or kind == "json":
        return f"SHA2({as_utf8(column)}, 256)"
    if kind in _SHAPES or (kind in BYTES and int(size or SORTED_CHARACTERS + 1) > SORTED_CHARACTERS):
        return f"SHA2({name}, 256)"
    return name


def key_term(column: Column) -> str:
    """SQL that orders rows by a column of a key, text by its bytes in UTF-8."""
    name, (kind, _) = quote_identifier(column.name), split_type(column)
    if kind in ("bit", "year"):
        return f"{name} + 0"
    if kind == "uuid":
        # MariaDB orders some versions of UUIDs by their time; their digits are in the order of their bytes.
        return f"CAST({name} AS CHAR)"
    return f"CAST({as_utf8(column)} AS BINARY)" if kind in TEXTS else name


def raw_text(column: Column) -> str:
    """SQL that renders a column's value as text."""
    name, (kind, _) = quote_identifier(column.name), split_type(column)
    if kind in BYTES or kind in _SHAPES:
        return f"HEX({name})"
    return _promised(column).value if kind in TEXTS or kind == "bit" else f"CAST({name} AS CHAR)"


def _quote_line(value: str) -> str:
    """SQL of a text as a quoted CSV field, in bytes, so that no collation has a say."""
    return f"""CONCAT('"', REPLACE(CAST({value} AS BINARY), '"', '""'), '"')"""


def _promised(column: Column) -> Carrying:
    name, (kind, size) = quote_identifier(column.name), split_type(column)
    declared = column.native_type.lower()
    if kind in INTEGER_BITS:
        # A zero-filled column prints its zeros unless it is computed with.
        value = f"({name} + 0)" if "zerofill" in declared else name
        arrow = (_UNSIGNED if "unsigned" in declared else _SIGNED)[INTEGER_BITS[kind]]
        return Carrying(name=column.name, arrow=arrow, select=value, kind="number", value=value)
    if kind in FLOATS:
        # As a double: a FLOAT prints six digits, FLOAT(M,D) prints D decimals.
        value = f"({name} + 0e0)"
        return Carrying(name=column.name, arrow=FLOATS[kind], select=value, kind="float", value=value)
    if kind == "decimal" and (found := _decimal(column.name, name, size, "zerofill" in declared)):
        return found
    if kind == "year":
        value = f"({name} + 0)"
        return Carrying(name=column.name, arrow=pa.int16(), select=value, kind="number", value=value)
    found = _temporal(column, name, kind)
    if found or kind in TEXTS or kind in _CAST_TO_TEXT or kind in ("bit", "decimal", "json", "uuid"):
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
    elif kind in TEXTS or kind == "json":
        value = as_utf8(column)
    else:
        value = f"CAST({name} AS CHAR)"
    arrow, codec = (pa.json_(), "json") if kind == "json" else (pa.string(), "plain")
    return Carrying(name=column.name, arrow=arrow, select=_quote_line(value), kind="text", codec=codec, value=value)


def as_utf8(column: Column) -> str:
    """SQL of a text in UTF-8."""
    name = quote_identifier(column.name)
    return name if column.charset in UTF8_SETS else f"CONVERT({name} USING utf8mb4)"


def _misfit(column: Column) -> str:
    """SQL that is true for a value that the promised type cannot hold; empty where there is none."""
    name, (kind, _) = quote_identifier(column.name), split_type(column)
    if kind in ("date", "datetime"):
        # Zero and partial dates have no day number; the 31st of February has that of another day.
        return f"({name} IS NOT NULL AND NOT IFNULL(FROM_DAYS(TO_DAYS({name})) = DATE({name}), 0))"
    if kind == "timestamp":
        return f"({name} < '1970-01-01')"
    if kind in TEXTS and column.charset is not None and column.charset not in _COMPLETE:
        there = f"CONVERT({name} USING {'utf16' if column.charset in _WITH_HALVES else 'utf8mb4'})"
        again = there if column.charset in UTF8_SETS else f"CONVERT({there} USING {column.charset})"
        return f"(CAST({again} AS BINARY) <> CAST({name} AS BINARY))"
    return ""


def _is_converted_long(column: Column) -> bool:
    is_converted = column.charset is not None and column.charset not in UTF8_SETS
    return is_converted and split_type(column)[0] == "longtext"


def _is_short(column: Column, limit_bytes: int) -> bool:
    kind, size = split_type(column)
    if kind in ("char", "varchar", "binary", "varbinary"):
        return int(size) * _UTF8_CHARACTER_BYTES <= limit_bytes
    return kind in ("enum", "set", "bit", "tinytext", "tinyblob") or kind.startswith("inet")
