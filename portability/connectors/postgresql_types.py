"""How PostgreSQL's types travel: the Arrow type that a declaration promises, values that break it, and totals.

Types are named as ``format_type`` prints them, domains by what they stand for. What has no counterpart in Arrow
(arrays, ranges, composites, intervals, network addresses, bit strings, enums, everything unknown) travels as the text
that the server prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying
from portability.connectors.postgresql_large_objects import LARGE_OBJECT, object_of, octets_sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.manifest import Column

__all__ = ["PostgresqlTypes", "named_apart", "quote_identifier"]

_INTEGERS = {"smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64()}
_FLOATS = {"real": pa.float32(), "double precision": pa.float64()}
_NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
_TEXT = re.compile(r"(?:text|bpchar|character|character varying)(?:\((\d+)\))?")
_MOMENT = re.compile(r"timestamp(?:\(\d\))? (with|without) time zone")
_TIME = re.compile(r"time(?:\(\d\))? without time zone")
_LONG_YEAR = re.compile(r"[0-9]{5}")
_DECIMAL_DIGITS = 38
_UTF8_CHARACTER_BYTES = 4
# RFC 3629, on the hexadecimal digits of the bytes.
_UTF8_HEX = (
    "^([0-7].|(c[2-9a-f]|d.)[89ab].|(e0[ab]|e[1-9a-cef][89ab]|ed[89]).[89ab]."
    "|(f0[9ab]|f[1-3][89ab]|f48).([89ab].){2})*$"
)


@dataclass(frozen=True, kw_only=True)
class PostgresqlTypes:
    """The rules for one database.

    Args:
        encoding: Of the database. Text arrives as UTF-8, except from SQL_ASCII, which promises nothing.
        domains: Domain types and what they stand for.
        money_scale: Decimal places of ``money``, which the database's locale decides.
        inline_bytes: Text that is declared shorter than this is not measured.
    """

    encoding: str
    money_scale: int
    inline_bytes: int
    domains: Mapping[str, str] = field(default_factory=dict)

    def base(self, column: Column) -> str:
        """Name the column's type, a domain's by what it stands for."""
        return self.domains.get(column.native_type, column.native_type)

    def printed(self, column: Column) -> str:
        """SQL of a value as the server prints it; some casts to text add or take away."""
        name, base = quote_identifier(column.name), self.base(column)
        if base == "inet":
            return f"textin(inet_out({name}))"
        return f"textin(bpcharout({name}))" if base.startswith(("bpchar", "character(")) else f"{name}::text"

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        """SQL that is true where a column has exactly one of these values; one that the type cannot hold is none."""
        held = [value for value in values if _can_hold(self.base(column), value)]
        if not held:
            return "1 = 0"
        sign = "\\x" if self.base(column) == "bytea" else ""
        listed = ", ".join("'" + sign + value.replace("'", "''") + "'" for value in held)
        # A collation may call different texts equal; blanks at the end of a char(n) are not of the value.
        loose = column.collation is not None or self.base(column) == "citext"
        padded = self.base(column).startswith(("bpchar", "character("))
        exact = f' AND {name}::text COLLATE "C" IN ({listed})' if loose and not padded else ""
        return f"{name} IN ({listed}){exact}"

    def exact_key(self, column: Column, name: str) -> str:
        """SQL of a key's characters (of bytes their hexadecimal digits), which compare by their code points."""
        text = f"encode({name}, 'hex')" if self.base(column) == "bytea" else f"{name}::text"
        return f'({text}) COLLATE "C"'

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        """SQL of another column's value under this one's collation; None where the server has no such comparison."""
        if self._family(column) != self._family(other):
            return None
        if column.collation == other.collation or self._family(column) not in ("text", "bpchar"):
            return name
        return f'{name} COLLATE "default"' if column.collation is None else None

    def compares_exactly(self, column: Column, other: Column) -> bool:
        """Whether the server calls values of two columns equal only when they read the same."""
        loose = any(each.collation is not None or self.base(each) == "citext" for each in (column, other))
        return self._family(column) == self._family(other) and not loose

    def _family(self, column: Column) -> str:
        base = self.base(column)
        if base in _INTEGERS:
            return "whole number"
        if base == "text" or base.startswith("character varying"):
            return "text"
        return "bpchar" if base.startswith(("bpchar", "character(")) else base

    def probes(self, column: Column) -> dict[str, str]:
        """Word the probes like the totals of a column without surprises: then one scan gives both."""
        carrying = self.decide(column, {})
        probes = self.totals(carrying)
        if self.base(column) == "numeric":
            probes["scale"] = f"max(scale({quote_identifier(column.name)}))"
        if self.is_unbounded(column, carrying):
            probes["size"] = f"max({self.octets(carrying)})"
        if self.base(column) == "json":
            probes["surrogates"] = f"sum(CASE WHEN {_has_surrogate(carrying.value)} THEN 1 ELSE 0 END)"
        if carrying.unfit:
            probes["unfit"] = f"sum(CASE WHEN {carrying.unfit} THEN 1 ELSE 0 END)"
        return probes

    def decide(self, column: Column, probed: Mapping[str, Any]) -> Carrying:
        """Return how the column travels; without probes, as it would if no value surprised."""
        base, name = self.base(column), quote_identifier(column.name)
        if base in _INTEGERS:
            return Carrying(name=column.name, arrow=_INTEGERS[base], select=name, kind="number", value=name)
        if base in _FLOATS:
            return Carrying(name=column.name, arrow=_FLOATS[base], select=name, kind="float", value=name)
        if numeric := _NUMERIC.fullmatch(base):
            return self._numeric(column.name, numeric, probed)
        if _TEXT.fullmatch(base):
            # Any function of text, such as one that converts it, would take the blanks of a char(n) away first.
            return self._text(column.name, name if self.encoding == "UTF8" else self.printed(column))
        if base == "json" and int(probed.get("surrogates") or 0):
            # Half a pair is JSON to the server and to no reader of Parquet: the column travels as the text that it is.
            return self._text(column.name, f"{name}::text")
        if base in _ODDITIES:
            arrow, kind, codec, value = _ODDITIES[base]
            value = value.format(name)
            select = f"encode({value}, 'hex')" if codec == "hex" else value
            return Carrying(name=column.name, arrow=arrow, select=select, kind=kind, codec=codec, value=value)
        if base == "money":
            arrow, value = pa.decimal128(19, self.money_scale), f"{name}::numeric"
            return Carrying(name=column.name, arrow=arrow, select=value, kind="number", value=value)
        temporal = _temporal(column.name, base, probed)
        return temporal or self._text(column.name, self.printed(column))

    def totals(self, carrying: Carrying) -> dict[str, str]:
        """Aggregates of the carried values; dates and times as text, because Python's end at the year 9999."""
        value = carrying.value
        bounds = {"minimum": f"min({value})", "maximum": f"max({value})"}
        if carrying.kind == "number":
            return {"sum": f"sum({value})", **bounds}
        if carrying.kind == "float":
            return {slot: f"{slot[:3]}(NULLIF({value}, 'NaN'))::float8" for slot in bounds}
        if carrying.codec == "utc":
            return {slot: f"({sql} AT TIME ZONE 'UTC')::text" for slot, sql in bounds.items()}
        if carrying.kind in ("date", "time", "timestamp"):
            return {slot: f"{sql}::text" for slot, sql in bounds.items()}
        if carrying.kind in ("text", "bytes"):
            return {"size_bytes": f"sum({self.octets(carrying)})"}
        return {"true": f"count(*) FILTER (WHERE {value})"} if carrying.kind == "bool" else {}

    def octets(self, carrying: Carrying) -> str:
        """SQL of the carried value's length in bytes, as UTF-8."""
        if large_object := object_of(carrying):
            return octets_sql(large_object)
        if carrying.kind == "bytes" or self.encoding in ("UTF8", "SQL_ASCII"):
            return f"octet_length({carrying.value})"
        return f"octet_length({self.as_bytes(carrying)})"

    def as_bytes(self, carrying: Carrying) -> str:
        """SQL of the carried value as bytes, text as UTF-8."""
        if carrying.kind == "bytes":
            return carrying.value
        # SQL_ASCII knows no conversions: its bytes are taken as they are.
        target = "SQL_ASCII" if self.encoding == "SQL_ASCII" else "UTF8"
        return f"convert_to({carrying.value}, '{target}')"

    def is_unbounded(self, column: Column, carrying: Carrying) -> bool:
        """Whether a value may be longer than a batch can hold, for all that the declaration says."""
        return carrying.kind in ("text", "bytes") and not self._is_short(column)

    def _is_short(self, column: Column) -> bool:
        text = _TEXT.fullmatch(self.base(column))
        return bool(text and text[1] and int(text[1]) * _UTF8_CHARACTER_BYTES <= self.inline_bytes)

    def _text(self, name: str, value: str) -> Carrying:
        carrying = Carrying(name=name, arrow=pa.string(), select=value, kind="text", value=value)
        if self.encoding != "SQL_ASCII":
            return carrying
        raw = self.as_bytes(carrying)
        fits = f"encode({raw}, 'hex') ~ '{_UTF8_HEX}'"
        value = f"CASE WHEN {fits} THEN {value} END"
        reason = "the bytes are not UTF-8, and the database does not say what else they are"
        return replace(carrying, select=value, value=value, unfit=f"NOT ({fits})", reason=reason, raw=raw)

    def _numeric(self, name: str, declared: re.Match[str], probed: Mapping[str, Any]) -> Carrying:
        quoted = quote_identifier(name)
        if declared[1] is None:
            return self._unbounded(name, quoted, probed)
        precision, scale = int(declared[1]), int(declared[2])
        if max(precision, precision - scale, scale) > _DECIMAL_DIGITS:
            return self._text(name, f"{quoted}::text")
        # numeric(5,-2) counts hundreds; numeric(3,5) has five decimals, of which the first two are 0.
        arrow = pa.decimal128(max(precision - min(scale, 0), scale), max(scale, 0))
        carrying = Carrying(name=name, arrow=arrow, select=quoted, kind="number", value=quoted)
        return _without_special(carrying, quoted) if str(probed.get("maximum")) == "NaN" else carrying

    def _unbounded(self, name: str, quoted: str, probed: Mapping[str, Any]) -> Carrying:
        scale = int(probed.get("scale") or 0)
        bounds = [Decimal(probed[slot]) for slot in ("minimum", "maximum") if probed.get(slot) is not None]
        whole = max((bound.adjusted() + 1 for bound in bounds), default=0)
        if max(whole, 0) + scale > _DECIMAL_DIGITS:
            return self._text(name, f"{quoted}::text")
        arrow = pa.decimal128(_DECIMAL_DIGITS, scale)
        carrying = Carrying(name=name, arrow=arrow, select=quoted, kind="number", value=quoted)
        return _without_special(carrying, quoted)


# Type: Arrow type, kind of totals, codec, SQL of the carried value.
_ODDITIES: dict[str, tuple[pa.DataType, str, str, str]] = {
    "boolean": (pa.bool_(), "bool", "plain", "{}"),
    "oid": (pa.uint32(), "number", "plain", "{}::bigint"),
    "uuid": (pa.uuid(), "opaque", "uuid", "{}"),
    "bytea": (pa.binary(), "bytes", "hex", "{}"),
    LARGE_OBJECT: (pa.binary(), "bytes", "hex", "lo_get({})"),
    "json": (pa.json_(), "text", "json", "{}::text"),
    "jsonb": (pa.json_(), "text", "json", "{}::text"),
}


def quote_identifier(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def named_apart(selects: Sequence[str], columns: Sequence[Column]) -> str:
    """Name what is selected as no column is called: ORDER BY takes a name for that of a result before all else."""
    prefix = "c"
    while any(column.name.startswith(prefix) for column in columns):
        prefix += "_"
    return ", ".join(f"{sql} AS {prefix}{number}" for number, sql in enumerate(selects))


def _has_surrogate(value: str) -> str:
    """SQL that is true for JSON text that writes a character, or half of one, as a surrogate."""
    return f"strpos({value}, '\\ud') + strpos({value}, '\\uD') > 0"


def _without_special(carrying: Carrying, name: str) -> Carrying:
    # scale() is null for NaN and the infinities alone; servers before 14 do not know 'Infinity' as a numeric.
    value = f"CASE WHEN scale({name}) IS NOT NULL THEN {name} END"
    unfit = f"{name} IS NOT NULL AND scale({name}) IS NULL"
    return replace(carrying, select=value, value=value, unfit=unfit, reason="the number is NaN or infinite")


def _temporal(column: str, base: str, probed: Mapping[str, Any]) -> Carrying | None:
    name = quote_identifier(column)
    ends = [str(probed[slot]) for slot in ("minimum", "maximum") if probed.get(slot) is not None]
    codec, select = "plain", "{}"
    if base == "date":
        arrow, kind, fits = pa.date32(), "date", "{0} BETWEEN '0001-01-01' AND '9999-12-31'"
    elif moment := _MOMENT.fullmatch(base):
        arrow, kind, fits = pa.timestamp("us"), "timestamp", "{0} >= '0001-01-01' AND {0} < '10000-01-01'"
        if moment[1] == "with":
            arrow, codec, select = pa.timestamp("us", "UTC"), "utc", "{} AT TIME ZONE 'UTC'"
    elif _TIME.fullmatch(base):
        arrow, kind, fits = pa.time64("us"), "time", "{0} < '24:00:00'"
    else:
        return None
    fits = fits.format(name)
    value = f"CASE WHEN {fits} THEN {name} END" if any(_is_outside(end) for end in ends) else name
    carrying = Carrying(
        name=column, arrow=arrow, select=select.format(f"({value})"), kind=kind, codec=codec, value=value
    )
    if value == name:
        return carrying
    reason = "the time is 24:00:00" if kind == "time" else "infinite, or the year is outside 0001 to 9999"
    return replace(carrying, unfit=f"NOT ({fits})", reason=reason)


def _is_outside(printed: str) -> bool:
    """Tell from the server's text whether a date or time is one that Arrow or the archive cannot hold."""
    return printed.endswith(("infinity", " BC")) or printed.startswith("24:") or _LONG_YEAR.match(printed) is not None


_HOLDS = (
    (("smallint", "integer", "bigint", "oid"), re.compile(r"0|-?[1-9][0-9]{0,18}")),
    (
        ("numeric", "real", "double", "money"),
        re.compile(r"0|-?[1-9][0-9]{0,999}|-?(0|[1-9][0-9]{0,999})\.[0-9]+"),
    ),
    (("uuid",), re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")),
    (("bytea",), re.compile(r"([0-9A-Fa-f]{2})*")),
    (("boolean",), re.compile(r"true|false|t|f")),
    (("date", "time"), re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.+-]+)?")),
)


def _can_hold(base: str, value: str) -> bool:
    """Tell whether the server would read a text as a value of a type, which it would otherwise call an error."""
    shape = next((shape for starts, shape in _HOLDS if base.startswith(starts)), None)
    if base in _WIDTHS and shape is not None and shape.fullmatch(value):
        return -_WIDTHS[base] <= int(value) < _WIDTHS[base]
    return "\x00" not in value if shape is None else shape.fullmatch(value) is not None


_WIDTHS = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}
