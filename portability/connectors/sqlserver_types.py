"""How SQL Server's types travel: the Arrow type that a declaration promises, values that break it, and totals.

Written from Microsoft's Transact-SQL reference (docs/odbc.md says what was not run against a server). A column's
``native_type`` is the type as it would be declared. Every SQL text here gives ``nvarchar`` or ``varbinary``: the server
renders, no driver converts. Text leaves as UTF-16 and is compared and ordered by its UTF-8 bytes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.manifest import Column

__all__ = [
    "BYTES",
    "as_text",
    "decide_column",
    "key_term",
    "literal",
    "octets",
    "order_term",
    "probe_column",
    "quote_identifier",
    "quote_line",
    "raw_text",
    "totals",
    "type_name",
    "utf8_bytes",
]

# How SQL of bytes begins; all other SQL here is of text.
BYTES = "CONVERT(varbinary(max), "
_UTF8 = "Latin1_General_100_BIN2_UTF8"
_BINARY = "Latin1_General_100_BIN2"
_INTEGERS = {"tinyint": pa.uint8(), "smallint": pa.int16(), "int": pa.int32(), "bigint": pa.int64()}
_FLOATS = {"real": pa.float32(), "float": pa.float64()}
_WIDE = frozenset({"nchar", "nvarchar", "ntext", "sysname"})
_NARROW = frozenset({"char", "varchar", "text"})
_BINARIES = frozenset({"binary", "varbinary", "image", "timestamp", "rowversion"})
_SHAPES = frozenset({"geography", "geometry"})
_MOMENTS = frozenset({"datetime", "smalldatetime", "datetime2"})
_TYPE = re.compile(r"(\w+)(?:\(([^)]*)\))?")
_HUNDREDS_OF_NS = 7
# What 64 bits of nanoseconds since 1970 hold.
_NS_FIRST, _NS_LAST = "1677-09-22", "2262-04-11"
# A half of a surrogate pair without the other; a binary collation compares code units.
_HIGH, _LOW = ("NCHAR(0xD800) + N'-' + NCHAR(0xDBFF)", "NCHAR(0xDC00) + N'-' + NCHAR(0xDFFF)")


def quote_identifier(name: str) -> str:
    """Quote an identifier."""
    return "[" + name.replace("]", "]]") + "]"


def type_name(column: Column) -> tuple[str, str]:
    """Split a declared type into its name and what stands in its brackets."""
    found = _TYPE.match(column.native_type.lower())
    return (found[1], found[2] or "") if found else ("", "")


def as_text(name: str) -> str:
    """SQL of a value of most types as text that no collation compares."""
    return f"CONVERT(nvarchar(max), {name}) COLLATE {_BINARY}"


def utf8_bytes(text: str) -> str:
    """SQL of a text's bytes in UTF-8."""
    return f"{BYTES}CONVERT(varchar(max), ({text}) COLLATE {_UTF8}))"


def quote_line(text: str) -> str:
    """SQL of a text as a quoted CSV field."""
    return f"N'\"' + REPLACE({text}, N'\"', N'\"\"') + N'\"'"


def literal(text: str) -> str:
    """SQL of a text; no character ends it."""
    return "N'" + text.replace("'", "''") + "'"


def probe_column(column: Column) -> dict[str, str]:
    """What a table's values are asked before it is decided how they travel."""
    kind, size = type_name(column)
    name = quote_identifier(column.name)
    carrying = decide_column(column, {})
    probes = {}
    if carrying.kind in ("text", "bytes") and kind != "uniqueidentifier":
        probes["size"] = f"MAX(CONVERT(bigint, {octets(carrying)}))"
    if kind == "datetime2" and _is_fine(size):
        probes["fine"] = _count(f"DATEPART(nanosecond, {name}) % 1000 <> 0")
        probes["far"] = _count(f"{name} < '{_NS_FIRST}' OR {name} >= '{_NS_LAST}'")
    if kind == "time" and _is_fine(size):
        probes["fine"] = _count(f"DATEPART(nanosecond, {name}) % 1000 <> 0")
    if misfit := _misfit(column):
        probes["misfit"] = _count(misfit)
    return probes


def decide_column(column: Column, probed: Mapping[str, Any]) -> Carrying:
    """Return how the column travels; without probes, as it would if no value surprised."""
    carrying, misfit = _promised(column, probed), _misfit(column)
    if not misfit or not int(probed.get("misfit") or 0):
        return carrying
    wide = type_name(column)[0] in _WIDE
    reason = "half of a surrogate pair" if wide else "no Unicode text stands for these bytes"
    raw = f"{BYTES}{quote_identifier(column.name)})"
    value, select = (f"CASE WHEN {misfit} THEN NULL ELSE {sql} END" for sql in (carrying.value, carrying.select))
    return replace(carrying, select=select, value=value, unfit=misfit, reason=reason, raw=raw)


def totals(carrying: Carrying) -> dict[str, str]:
    """Aggregates of the carried values, as text."""
    value = carrying.value
    if carrying.kind == "number":
        scale = carrying.arrow.scale if pa.types.is_decimal(carrying.arrow) else 0
        total = f"SUM(CONVERT(decimal(38,{scale}), {value}))"
        bounds = {"minimum": f"MIN({value})", "maximum": f"MAX({value})"}
        return {slot: as_text(sql) for slot, sql in ({"sum": total} | bounds).items()}
    if carrying.kind == "float":
        return {slot: f"CONVERT(nvarchar(40), {slot[:3].upper()}({value}), 3)" for slot in ("minimum", "maximum")}
    if carrying.kind in ("date", "time", "timestamp"):
        return {slot: _printed(carrying, f"{slot[:3].upper()}({value})") for slot in ("minimum", "maximum")}
    if carrying.kind in ("text", "bytes"):
        return {"size_bytes": as_text(f"SUM(CONVERT(bigint, {octets(carrying)}))")}
    return {"true": as_text(f"SUM(CONVERT(bigint, {value}))")} if carrying.kind == "bool" else {}


def octets(carrying: Carrying) -> str:
    """SQL of the carried value's length in bytes, text as UTF-8."""
    return f"DATALENGTH({carrying.value if carrying.kind == 'bytes' else utf8_bytes(carrying.value)})"


def raw_text(column: Column) -> str:
    """SQL that renders a column's value as text, bytes as hexadecimal digits."""
    carrying = _promised(column, {"fine": 1, "far": 1})
    if carrying.kind in ("date", "time", "timestamp"):
        return _printed(carrying, carrying.value)
    return carrying.value if carrying.kind == "text" else _unquoted(carrying)


def key_term(column: Column) -> str:
    """SQL that orders rows by a column of a key, text by its UTF-8 bytes."""
    kind, _ = type_name(column)
    name = quote_identifier(column.name)
    return utf8_bytes(as_text(name)) if kind in _WIDE or kind in _NARROW else name


def order_term(column: Column) -> str:
    """SQL that tells a column's different values apart, for tables without a key."""
    kind, _ = type_name(column)
    name = quote_identifier(column.name)
    plain = kind in _INTEGERS or kind in _MOMENTS or kind in ("bit", "date", "time", "decimal", "numeric", "money")
    if plain or kind in ("smallmoney", "uniqueidentifier"):
        return name
    if kind in _FLOATS:
        return f"{name}, CONVERT(binary(8), {name})"
    carrying = _promised(column, {})
    octet = carrying.value if carrying.kind == "bytes" else utf8_bytes(carrying.value)
    return f"HASHBYTES('SHA2_256', {octet})"


# -- how it travels ---------------------------------------------------------------------------------------------------


def _promised(column: Column, probed: Mapping[str, Any]) -> Carrying:
    kind, size = type_name(column)
    name = quote_identifier(column.name)
    if kind in _INTEGERS:
        return _number(column, _INTEGERS[kind], name)
    if kind in ("decimal", "numeric"):
        precision, _, scale = size.partition(",")
        return _number(column, pa.decimal128(int(precision), int(scale or 0)), name)
    if kind in ("money", "smallmoney"):
        digits = 19 if kind == "money" else 10
        return _number(column, pa.decimal128(digits, 4), f"CONVERT(decimal({digits},4), {name})")
    if kind in _FLOATS:
        select = f"CONVERT(nvarchar(40), {name}, 3)"  # seventeen digits, which name every double
        return Carrying(name=column.name, arrow=_FLOATS[kind], select=select, kind="float", value=name)
    if kind == "bit":
        return Carrying(name=column.name, arrow=pa.bool_(), select=as_text(name), kind="bool", value=name)
    if kind == "uniqueidentifier":
        # As text its first three groups are the other way round than in memory; text is what everybody means.
        return Carrying(
            name=column.name, arrow=pa.uuid(), select=as_text(name), kind="opaque", codec="uuid", value=name
        )
    if found := _temporal(column, kind, probed):
        return found
    if kind in _BINARIES or kind in _SHAPES:
        return _bytes(column, f"{BYTES}{name})" if kind in _BINARIES else _shape(name))
    return _text(column, kind, name)


def _number(column: Column, arrow: pa.DataType, value: str) -> Carrying:
    return Carrying(name=column.name, arrow=arrow, select=as_text(value), kind="number", value=value)


def _bytes(column: Column, value: str) -> Carrying:
    digits = f"CONVERT(nvarchar(max), {value}, 2)"
    return Carrying(name=column.name, arrow=pa.binary(), select=digits, kind="bytes", codec="hex", value=value)


def _shape(name: str) -> str:
    """SQL of four bytes of SRID, the lowest first, and well-known binary with Z and M: as MariaDB keeps its shapes."""
    srid = f"CONVERT(binary(4), REVERSE(CONVERT(binary(4), {name}.STSrid)))"
    return f"{BYTES}{srid} + {name}.AsBinaryZM())"


def _temporal(column: Column, kind: str, probed: Mapping[str, Any]) -> Carrying | None:
    name = quote_identifier(column.name)
    fine = int(probed.get("fine") or 0)
    arrow: pa.DataType
    if kind == "date":
        arrow, group = pa.date32(), "date"
    elif kind in _MOMENTS:
        if fine and int(probed.get("far") or 0):
            return None  # a tenth of a microsecond in a year that nanoseconds do not reach: text
        arrow, group = pa.timestamp("ns" if fine else "us"), "timestamp"
    elif kind == "time" and not fine:
        arrow, group = pa.time64("us"), "time"
    else:
        return None
    carrying = Carrying(name=column.name, arrow=arrow, select="", kind=group, value=name)
    return replace(carrying, select=_printed(carrying, name))


def _printed(carrying: Carrying, value: str) -> str:
    """SQL of a date or time as text: with six decimals, or nine where it is nanoseconds."""
    if carrying.kind == "date":
        return f"CONVERT(nvarchar(10), {value}, 23)"
    target, length = ("time", 8) if carrying.kind == "time" else ("datetime2", 19)
    if carrying.arrow == pa.timestamp("ns"):
        return f"CONVERT(nvarchar({length + 8}), CONVERT({target}(7), {value}), 121) + N'00'"
    return f"CONVERT(nvarchar({length + 7}), CONVERT({target}(6), {value}), 121)"


def _text(column: Column, kind: str, name: str) -> Carrying:
    """Text, and what has no counterpart in Arrow, as the server prints it."""
    if kind == "hierarchyid":
        value = f"{name}.ToString() COLLATE {_BINARY}"
    elif kind in ("datetimeoffset", "datetime2"):
        value = f"CONVERT(nvarchar(40), {name}, 121) COLLATE {_BINARY}"
    elif kind == "time":
        value = f"CONVERT(nvarchar(16), {name}, 121) COLLATE {_BINARY}"
    elif kind == "sql_variant":
        value = _variant(name)
    else:
        value = as_text(name)
    return Carrying(name=column.name, arrow=pa.string(), select=quote_line(value), kind="text", value=value)


def _variant(name: str) -> str:
    """SQL of a variant's type, a space, and its value."""
    base = f"CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY({name}, 'BaseType'))"
    exact = (
        f"CASE WHEN {base} IN (N'float', N'real') THEN CONVERT(nvarchar(40), CONVERT(float, {name}), 3)"
        f" WHEN {base} IN (N'money', N'smallmoney') THEN CONVERT(nvarchar(40), CONVERT(decimal(19,4), {name}))"
        f" WHEN {base} IN (N'binary', N'varbinary')"
        f" THEN CONVERT(nvarchar(max), CONVERT(varbinary(8000), {name}), 2)"
        f" WHEN {base} IN (N'date', N'datetime', N'datetime2', N'smalldatetime')"
        f" THEN CONVERT(nvarchar(40), CONVERT(datetime2(7), {name}), 121)"
        f" WHEN {base} IN (N'time') THEN CONVERT(nvarchar(40), CONVERT(time(7), {name}), 121)"
        f" WHEN {base} IN (N'datetimeoffset') THEN CONVERT(nvarchar(40), CONVERT(datetimeoffset(7), {name}), 121)"
        f" ELSE CONVERT(nvarchar(4000), {name}) END"
    )
    return f"({base} + N' ' + {exact}) COLLATE {_BINARY}"


def _unquoted(carrying: Carrying) -> str:
    return f"CONVERT(nvarchar(max), {carrying.value}, 2)" if carrying.kind == "bytes" else carrying.select


def _misfit(column: Column) -> str:
    """SQL that is true for a value that is no Unicode text; empty where there is none."""
    kind, _ = type_name(column)
    name = quote_identifier(column.name)
    if kind in _NARROW and column.collation:
        # To Unicode and back into the collation's code page: a byte that stands for nothing does not come back.
        back = f"CONVERT(varchar(max), CONVERT(nvarchar(max), {name}) COLLATE {column.collation})"
        there = f"CONVERT(varchar(max), {name})"
        return f"({name} IS NOT NULL AND {BYTES}{back}) <> {BYTES}{there}))"
    if kind in _WIDE:
        text = as_text(name)
        halves = (
            f"N'%[' + {_HIGH} + N'][^' + {_LOW} + N']%'",
            f"N'%[' + {_HIGH} + N']'",
            f"N'%[^' + {_HIGH} + N'][' + {_LOW} + N']%'",
            f"N'[' + {_LOW} + N']%'",
        )
        return f"({name} IS NOT NULL AND ({' OR '.join(f'{text} LIKE {half}' for half in halves)}))"
    return ""


def _is_fine(size: str) -> bool:
    return int(size or _HUNDREDS_OF_NS) == _HUNDREDS_OF_NS


def _count(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"
