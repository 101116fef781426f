"""How SQLite's values travel: a column gets its declared type when every value fits it exactly, otherwise it is text.

SQLite types values, not columns. The probes ask which storage classes a column really holds and whether all its values
are what the declaration promises. A column of several classes travels as text with a ``<name>__typeof`` sidecar that
keeps each value's class.
"""

from __future__ import annotations

import math
import re
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.manifest import Column

__all__ = [
    "NO_DATE",
    "OTHER",
    "PLAIN",
    "SqliteTypes",
    "add_functions",
    "compares_exactly",
    "concatenated",
    "decimal_bound",
    "exact_key",
    "holds_bytes",
    "quote_identifier",
    "text_literal",
]

_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|NUMBER|DEC|MONEY)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE)
# The largest integer whose double is exact, less a margin for the rounding that the proof itself does.
_EXACT_DOUBLE = 2**52
_EXACT_SCALE = 15
_DECIMAL_DIGITS = 38
_KNOWS_OCTETS = sqlite3.sqlite_version_info >= (3, 43)
# Without a modifier, date() returns the 30th of February as it is.
_DATE = "date({c}, '+0 days') IS {c} AND {c} >= '0001-01-01'"
_DATETIME = "datetime({c}, '+0 days') IS {c} AND {c} >= '0001-01-01'"
_OTHER_DATETIME = (
    "date(substr({c}, 1, 10), '+0 days') IS substr({c}, 1, 10) AND {c} >= '0001-01-01'"
    " AND substr({c}, 11, 1) IN (' ', 'T')"
    " AND substr({c}, 12, 8) GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]' AND substr({c}, 12, 2) < '24'"
    " AND (length({c}) = 19 OR (length({c}) BETWEEN 21 AND 26"
    " AND substr({c}, 20, 1) = '.' AND substr({c}, 21) NOT GLOB '*[^0-9]*'))"
)
# What the ``form`` probe tells of a column of dates: the worst of its values.
PLAIN, OTHER, NO_DATE, BROKEN = range(4)


def quote_identifier(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def concatenated(parts: Sequence[str]) -> str:
    """SQL of texts one after the other, by halves: an expression is at most 1,000 deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({concatenated(parts[:half])} || {concatenated(parts[half:])})"


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the SQL of this module calls."""
    connection.create_function("not_utf8", 1, _is_not_utf8, deterministic=True)
    connection.create_function("utf8_length", 1, _utf8_length, deterministic=True)
    connection.create_function("from_halves", 2, _from_halves, deterministic=True)
    connection.create_function("real_text", 1, _real_text, deterministic=True)


@dataclass(frozen=True, kw_only=True)
class SqliteTypes:
    """The rules for one file; ``utf8`` is false for the few that keep text as UTF-16."""

    utf8: bool

    def probes(self, column: Column) -> dict[str, str]:
        """Ask for the first and the last of a column's storage classes in the order of their names."""
        if column.identity:
            return {}
        name = quote_identifier(column.name)
        # Asked for nulls by their name, SQLite believes the declaration that there are none.
        classes = f"nullif(typeof({name}), 'null'))"
        return {"first": f"min({classes}", "last": f"max({classes}"}

    def reprobes(self, column: Column, probed: Mapping[str, Any]) -> dict[str, str]:
        """Ask of the classes found whether their values are what the declaration promises."""
        name, classes, declared = quote_identifier(column.name), _classes(column, probed), column.native_type.upper()
        if (decimal := _decimal(declared)) and classes and classes <= {"integer", "real"}:
            return {"misfit": f"sum({_decimal_misfit(name, *decimal)})"}
        if _is_boolean(declared) and classes == {"integer"}:
            return {"misfit": f"sum({name} NOT IN (0, 1))"}
        if _is_temporal(declared) and classes == {"text"}:
            return {"form": f"max({_form(declared).format(c=name)})"}
        probes = {}
        if classes - {"integer", "real"}:
            probes["size"] = f"max({self.octets(_by_class(column.name, name, classes)[0])})"
        if "text" in classes and self.utf8:
            probes["broken"] = f"sum({_is_broken(name)})"
        return probes

    def unequal(self, carrying: Carrying) -> str:
        """SQL that is true for a number in a column of decimals that is no decimal of its scale."""
        return _unequal(quote_identifier(carrying.name), carrying.scale)

    def is_bounded(self, carrying: Carrying, end: float) -> bool:
        """Whether a column of decimals with this least or greatest value is within what doubles name exactly."""
        return abs(end * float(_factor(carrying.scale))) < decimal_bound(carrying.arrow.precision)

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        """Return how the column travels: its carrying, and a sidecar when it holds several storage classes."""
        name, classes, declared = quote_identifier(column.name), _classes(column, probed), column.native_type.upper()
        fitting = not probed.get("misfit")
        if (decimal := _decimal(declared)) and classes <= {"integer", "real"} and fitting:
            return [_scaled(column.name, name, *decimal)]
        if _is_boolean(declared) and classes <= {"integer"} and fitting:
            return [Carrying(name=column.name, arrow=pa.bool_(), select=name, kind="bool", value=name)]
        form = int(probed.get("form") or PLAIN)
        if _is_temporal(declared) and classes <= {"text"} and form <= OTHER:
            return [_temporal(column.name, name, declared, form)]
        carryings = _by_class(column.name, name, classes or _declared_class(declared))
        if probed.get("broken") or form == BROKEN:
            carryings[0] = _without_broken(carryings[0], name)
        return carryings

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        """SQL that is true where a column, written ``name``, has exactly one of these values (bytes as hex)."""
        listed = [literal for value in values for literal in _literals(value)]
        # The column's own collation may call different texts equal, its affinity makes a number of '07'.
        odd = _affinity(column) not in ("TEXT", "BLOB") and not all(_INTEGER.fullmatch(value) for value in values)
        loose = odd or _is_collated(column)
        exact = f" AND {exact_key(name)} IN ({', '.join(listed)})" if loose else ""
        return f"{name} IN ({', '.join(listed)}){exact}" if listed else "1 = 0"

    def decide_file(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        """Return how a column of documents travels: where some were stored as text, all as bytes."""
        classes = _classes(column, probed)
        if "blob" not in classes or len(classes) == 1:
            return self.decide(column, probed)
        name = quote_identifier(column.name)
        value = f"CAST(CASE typeof({name}) WHEN 'real' THEN real_text({name}) ELSE {name} END AS BLOB)"
        return [
            Carrying(name=column.name, arrow=pa.binary(), select=value, kind="bytes", codec="native", value=value),
            _sidecar(column.name, name),
        ]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        """Aggregates of the carried values."""
        value = carrying.value
        if carrying.kind == "number":
            # A scaled value grows with its column, so that only two values are scaled.
            scaled = carrying.codec == "scaled"
            column, outer = (quote_identifier(carrying.name), _scaling(carrying.scale)) if scaled else (value, "{}")
            bounds = {"minimum": outer.format(f"min({column})"), "maximum": outer.format(f"max({column})")}
            # SQLite's sum() of integers stops at 64 bits: the halves are added apart.
            return {"sum": f"from_halves(sum({value} >> 32), sum({value} & 4294967295))", **bounds}
        if carrying.kind in ("float", "date", "timestamp"):
            return {"minimum": f"min({value})", "maximum": f"max({value})"}
        if carrying.kind in ("text", "bytes"):
            return {"size_bytes": f"sum({self.octets(carrying)})"}
        return {"true": f"sum({value})"} if carrying.kind == "bool" else {}

    def octets(self, carrying: Carrying) -> str:
        """SQL of the carried value's length in bytes, text as UTF-8."""
        if carrying.kind == "bytes":
            # Without a cast, SQLite need not load the value.
            return f"length({carrying.value})"
        if not self.utf8:
            return f"utf8_length({carrying.value})"
        return f"octet_length({carrying.value})" if _KNOWS_OCTETS else f"length(CAST({carrying.value} AS BLOB))"


# -- what a column holds ----------------------------------------------------------------------------------------------


def _classes(column: Column, probed: Mapping[str, Any]) -> set[str]:
    """Storage classes of a column's values: all of them if they are one or two, the outer two if they are more."""
    if column.identity:
        return {"integer"}
    return {probed[slot].decode() for slot in ("first", "last") if probed.get(slot) is not None}


def _declared_class(declared: str) -> set[str]:
    """The storage class that an empty column would have (sqlite.org/datatype3.html, 3.1)."""
    if "INT" in declared:
        return {"integer"}
    if "BLOB" in declared or "BINARY" in declared:
        return {"blob"}
    return {"real"} if any(word in declared for word in ("REAL", "FLOA", "DOUB")) else {"text"}


def holds_bytes(column: Column) -> bool:
    """Whether a column's declaration lets expect bytes, or anything."""
    declared = column.native_type.upper()
    return not declared or _declared_class(declared) == {"blob"}


def _decimal(declared: str) -> tuple[int, int] | None:
    """Precision and scale of a declared decimal whose values doubles can name."""
    found = _DECIMAL.search(declared)
    if not found:
        return None
    precision, scale = int(found.group(1)), int(found.group(2) or 0)
    return (precision, scale) if scale <= min(precision, _EXACT_SCALE) and precision <= _DECIMAL_DIGITS else None


def _decimal_misfit(name: str, precision: int, scale: int) -> str:
    """SQL that is true for a number that is not the double (or integer) of a decimal of this precision and scale."""
    return f"abs({name} * {_factor(scale)}.0) >= {decimal_bound(precision)} OR {_unequal(name, scale)}"


def _unequal(name: str, scale: int) -> str:
    """SQL that is true for a number that no decimal of this scale gives back.

    ``n / 10**scale`` of two exactly representable integers is rounded once (IEEE 754), so equality proves that the
    value is the double nearest to that decimal, and the decimal gives the same bits back.
    """
    return f"(round({name} * {_factor(scale)}) / {_factor(scale)}.0) <> {name}"


def _factor(scale: int) -> str:
    return f"1{'0' * scale}"


def decimal_bound(precision: int) -> int:
    """What no decimal of this precision reaches, counted in its last place; nor one that no double names exactly."""
    return min(int(10**precision), _EXACT_DOUBLE)


def _is_boolean(declared: str) -> bool:
    return declared.startswith("BOOL")


def _is_temporal(declared: str) -> bool:
    return declared == "DATE" or declared.startswith(("DATETIME", "TIMESTAMP"))


def _form(declared: str) -> str:
    """SQL of what kind of date a text is."""
    plain = f"WHEN {_DATE} THEN {PLAIN}"
    if declared != "DATE":
        plain = f"WHEN {_DATETIME} THEN {PLAIN} WHEN {_OTHER_DATETIME} THEN {OTHER}"
    broken = f"WHEN not_utf8(CAST({{c}} AS BLOB)) THEN {BROKEN}"
    return f"CASE WHEN {{c}} IS NULL THEN {PLAIN} {plain} {broken} ELSE {NO_DATE} END"


def _is_broken(name: str) -> str:
    """SQL that is true for text whose bytes are not UTF-8, which SQLite stores as it is given."""
    return f"(typeof({name}) = 'text' AND not_utf8(CAST({name} AS BLOB)))"


# -- how it travels ---------------------------------------------------------------------------------------------------


def _scaling(scale: int) -> str:
    return f"CAST(round({{}} * 1{'0' * scale}) AS INTEGER)"


def _scaled(column: str, name: str, precision: int, scale: int) -> Carrying:
    arrow, value = pa.decimal128(precision, scale), _scaling(scale).format(name)
    return Carrying(name=column, arrow=arrow, select=value, kind="number", codec="scaled", value=value, scale=scale)


def _temporal(column: str, name: str, declared: str, form: int) -> Carrying:
    if declared == "DATE":
        return Carrying(name=column, arrow=pa.date32(), select=name, kind="date", value=name)
    value = name
    if form == OTHER:
        # The separator differs from row to row, and so does the number of decimals: only one form of it sorts.
        padded = f"substr({name}, 12) || substr('.000000', length({name}) - 18)"
        value = f"(substr({name}, 1, 10) || ' ' || substr({padded}, 1, 15))"
    return Carrying(name=column, arrow=pa.timestamp("us"), select=value, kind="timestamp", value=value)


def _by_class(column: str, name: str, classes: set[str]) -> list[Carrying]:
    if classes == {"integer"}:
        return [Carrying(name=column, arrow=pa.int64(), select=name, kind="number", value=name)]
    if classes == {"text"}:
        return [Carrying(name=column, arrow=pa.string(), select=_csv_text(name), kind="text", value=name)]
    if classes == {"real"}:
        return [Carrying(name=column, arrow=pa.float64(), select=name, kind="float", codec="native", value=name)]
    if classes == {"blob"}:
        return [Carrying(name=column, arrow=pa.binary(), select=name, kind="bytes", codec="native", value=name)]
    real = f"WHEN 'real' THEN real_text({name})"
    text = f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) {real} ELSE CAST({name} AS TEXT) END"
    carrying = Carrying(name=column, arrow=pa.string(), select=_csv_text(text), kind="text", value=f"({text})")
    return [carrying, _sidecar(column, name)]


def _sidecar(column: str, name: str) -> Carrying:
    return Carrying(name=f"{column}__typeof", arrow=pa.string(), select=f"typeof({name})", kind="")


def _without_broken(carrying: Carrying, name: str) -> Carrying:
    broken, reason = _is_broken(name), "the bytes are not UTF-8"
    value, select = (f"CASE WHEN NOT {broken} THEN {sql} END" for sql in (carrying.value, carrying.select))
    return replace(carrying, value=f"({value})", select=select, unfit=broken, reason=reason)


def _csv_text(value: str) -> str:
    return f"""'"' || replace({value}, '"', '""') || '"'"""


# -- functions that SQLite lacks --------------------------------------------------------------------------------------


def _is_not_utf8(value: bytes | None) -> bool:
    if value is None:
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _utf8_length(value: object) -> int | None:
    return None if value is None else len(str(value).encode("utf-8", "surrogatepass"))


def _from_halves(high: int | None, low: int | None) -> str | None:
    return None if high is None or low is None else str((high << 32) + low)


def _real_text(value: float) -> str:
    """Name a double by 17 significant digits, as printf() of SQLite does; but that errs for large and small ones."""
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    digits, exponent, power = f"{value:.17g}".partition("e")
    return digits + ("" if "." in digits else ".0") + exponent + power


def exact_key(name: str) -> str:
    """SQL of a key as text (bytes as bytes), which compares by its characters whatever the column's affinity is."""
    return f"(CASE typeof({name}) WHEN 'blob' THEN {name} ELSE CAST({name} AS TEXT) END) COLLATE BINARY"


def compares_exactly(column: Column, other: Column) -> bool:
    """Whether SQLite converts and folds nothing when it compares values of two columns."""
    return _affinity(column) == _affinity(other) and not _is_collated(column) and not _is_collated(other)


def _is_collated(column: Column) -> bool:
    return column.collation is not None and column.collation.upper() != "BINARY"


def _affinity(column: Column) -> str:
    """By the rules of SQLite's manual (datatype3, 3.1)."""
    declared = column.native_type.upper()
    for words, affinity in ((("INT",), "INTEGER"), (("CHAR", "CLOB", "TEXT"), "TEXT"), (("BLOB",), "BLOB")):
        if any(word in declared for word in words):
            return affinity
    if not declared:
        return "BLOB"
    return "REAL" if any(word in declared for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _literals(value: str) -> list[str]:
    """Every way in which a column may hold what prints as this text: values have types here, columns have not."""
    found = [text_literal(value)]
    if _INTEGER.fullmatch(value):
        found.append(value)
    if _KEY_BYTES.fullmatch(value):
        found.append(f"x'{value}'")
    return found


def text_literal(text: str) -> str:
    """SQL of a text; SQL text ends at a NUL."""
    if "\x00" in text:
        return f"CAST(x'{text.encode().hex()}' AS TEXT)"
    return "'" + text.replace("'", "''") + "'"


_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_KEY_BYTES = re.compile(r"([0-9a-f]{2}){8,64}")  # shorter ones would be taken for numbers and words
