"""How a value of the profile's SQL becomes a value of a target column, and when it does not fit.

``convert`` decides by types, before a row is read: what could lose its meaning is refused there. ``flaws`` are
conditions on single values: rows for which one holds are rejects. Nothing is rounded, cut or clamped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.duck import text_literal

if TYPE_CHECKING:
    from portability.importing.shapes import Shape

__all__ = ["Flaw", "convert", "flaws"]

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
_INTEGERS |= {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TEXTS = {"VARCHAR", "JSON", "UUID"}
_FIRST_YEAR, _LAST_YEAR = 1, 9999
_DECIMAL_DIGITS_MAX = 38  # DuckDB's own
_NUL = "chr(0)"
# What a character set cannot hold. MariaDB's latin1 is Windows' 1252, with the five positions that it leaves open.
_OUTSIDE = {
    "ascii": r"[^\x00-\x7f]",
    "latin1": r"[^\x00-\x7f\x{81}\x{8d}\x{8f}\x{90}\x{9d}\x{a0}-\x{ff}"
    "\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014"
    "\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]",
    "utf8mb3": r"[\x{10000}-\x{10ffff}]",
    "utf8": r"[\x{10000}-\x{10ffff}]",
}
_STAMP = (
    "CASE WHEN microsecond({value}) % 1000000 = 0 THEN strftime({value}, '%Y-%m-%d %H:%M:%S') "
    "ELSE strftime({value}, '%Y-%m-%d %H:%M:%S.%f') END"
)
_HINTS = {
    "bool": "Give a BOOLEAN.",
    "timestamp": "The column has no zone: give to_local(ts), or timezone('UTC', ts).",
    "instant": "The column has a zone: give the TIMESTAMP WITH TIME ZONE.",
    "date": "Give a DATE: CAST(… AS DATE).",
    "decimal": "Give a DECIMAL or an integer.",
}


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """Why some values do not fit. ``kind`` groups them; ``warning`` means that the row is loaded all the same."""

    kind: str
    condition: str
    reason: str
    warning: bool = False


def convert(shape: Shape, kind: str, value: str) -> tuple[str | None, str]:
    """Return SQL that gives the value to be loaded, or None and what mends it, when the types do not go together.

    Args:
        shape: Of the target column.
        kind: DuckDB's type of the value; the text of a code or a key is ``TEXT``, which is read as the column wants.
        value: SQL of the value.
    """
    if kind == '"NULL"':
        return f"CAST({value} AS VARCHAR)", ""
    maker = _MAKERS.get(shape.kind, _as_text)
    made = maker(shape, kind, value)
    return made, "" if made else _HINTS.get(shape.kind, "Write the conversion in the SQL.")


def _as_text(shape: Shape, kind: str, value: str) -> str | None:
    del shape
    fits = kind in _TEXTS or kind == "TEXT" or kind in _INTEGERS or kind.startswith("ENUM(")
    return f"CAST({value} AS VARCHAR)" if fits else None


def _as_int(shape: Shape, kind: str, value: str) -> str | None:
    if kind not in _INTEGERS | {"BOOLEAN", "TEXT"} and not _DECIMAL.fullmatch(kind):
        return None
    wide = "UBIGINT" if shape.unsigned else "HUGEINT" if shape.bits > 64 else "BIGINT"  # noqa: PLR2004 -- a BIGINT's bits
    return f"TRY_CAST({value} AS {wide})"


def _as_decimal(shape: Shape, kind: str, value: str) -> str | None:
    if kind not in _INTEGERS | {"TEXT"} and not _DECIMAL.fullmatch(kind):
        return None
    precision, scale = shape.precision, shape.scale
    if precision is None or precision > _DECIMAL_DIGITS_MAX:
        made = value if kind != "TEXT" else f"TRY_CAST({value} AS DECIMAL(38,10))"
    else:
        made = f"TRY_CAST({value} AS DECIMAL({precision},{scale}))"
    return f"CAST({made} AS VARCHAR)" if shape.as_text else made


def _as_float(shape: Shape, kind: str, value: str) -> str | None:
    del shape
    fits = kind in _INTEGERS | {"TEXT", "FLOAT", "DOUBLE"} or bool(_DECIMAL.fullmatch(kind))
    return f"TRY_CAST({value} AS DOUBLE)" if fits else None


def _as_bool(shape: Shape, kind: str, value: str) -> str | None:
    del shape
    return f"TRY_CAST({value} AS BOOLEAN)" if kind in ("BOOLEAN", "TEXT") else None


def _as_bytes(shape: Shape, kind: str, value: str) -> str | None:
    if kind in ("UUID", "TEXT") and shape.length == 16:  # noqa: PLR2004 -- the bytes of a UUID
        return f"unhex(replace(CAST({value} AS VARCHAR), '-', ''))"
    return value if kind == "BLOB" else None


def _as_date(shape: Shape, kind: str, value: str) -> str | None:
    if kind not in ("DATE", "TEXT"):
        return None
    made = f"TRY_CAST({value} AS DATE)"
    return f"strftime({made}, '%Y-%m-%d')" if shape.as_text else made


def _as_time(shape: Shape, kind: str, value: str) -> str | None:
    return (f"CAST({value} AS VARCHAR)" if shape.as_text else value) if kind == "TIME" else None


def _as_timestamp(shape: Shape, kind: str, value: str) -> str | None:
    if kind not in ("TIMESTAMP", "DATE", "TEXT"):
        return None
    made = f"TRY_CAST({value} AS TIMESTAMP)"
    return _STAMP.format(value=made) if shape.as_text else made


def _as_instant(shape: Shape, kind: str, value: str) -> str | None:
    del shape
    return value if kind == "TIMESTAMP WITH TIME ZONE" else None


def _as_uuid(shape: Shape, kind: str, value: str) -> str | None:
    del shape
    return f"CAST(TRY_CAST({value} AS UUID) AS VARCHAR)" if kind in ("UUID", "VARCHAR", "TEXT") else None


_MAKERS = {
    "int": _as_int,
    "decimal": _as_decimal,
    "float": _as_float,
    "bool": _as_bool,
    "bytes": _as_bytes,
    "date": _as_date,
    "time": _as_time,
    "timestamp": _as_timestamp,
    "instant": _as_instant,
    "uuid": _as_uuid,
}


def flaws(shape: Shape, kind: str, value: str) -> list[Flaw]:
    """Return the conditions under which a value that is not null does not fit."""
    made, _ = convert(shape, kind, value)
    if made is None or kind == '"NULL"':
        return []
    found = [_exactness(shape, kind, value, made)]
    if shape.kind in ("text", "enum", "json", "other", "bytes"):
        found += _text_flaws(shape, made)
    if shape.kind == "int":
        low, high = shape.range
        condition = f"{made} < {low} OR {made} > {high}"
        found.append(Flaw(kind="range", condition=condition, reason=f"is outside {low} to {high}"))
    if shape.kind in ("date", "timestamp", "instant") and not shape.as_text:
        years = f"year({value}) < {_FIRST_YEAR} OR year({value}) > {_LAST_YEAR}"
        found.append(Flaw(kind="range", condition=years, reason=f"is outside the years {_FIRST_YEAR} to {_LAST_YEAR}"))
    return [flaw for flaw in found if flaw is not None]


def _exactness(shape: Shape, kind: str, value: str, made: str) -> Flaw | None:
    """A conversion that gives something else, or nothing."""
    if shape.kind in ("int", "decimal", "float") and (kind in _INTEGERS or _DECIMAL.fullmatch(kind)):
        back = f"TRY_CAST({made} AS {kind})"
        reason = f"cannot be held exactly by {shape.native}"
        return Flaw(kind="narrowing", condition=f"{back} IS DISTINCT FROM {value}", reason=reason)
    if shape.kind in ("timestamp", "instant", "time") and shape.fraction < 6:  # noqa: PLR2004 -- microseconds
        step = 10 ** (6 - shape.fraction)
        reason = f"has more digits of a second than {shape.native}"
        return Flaw(kind="narrowing", condition=f"microsecond({made}) % {step} <> 0", reason=reason)
    if kind in ("TEXT", "VARCHAR") and shape.kind not in ("text", "enum", "json", "other", "bytes"):
        return Flaw(kind="narrowing", condition=f"{made} IS NULL", reason=f"is no {shape.native}")
    return None


def _text_flaws(shape: Shape, made: str) -> list[Flaw]:
    found = []
    if shape.length is not None:
        measure = "octet_length" if shape.kind == "bytes" else "length"
        reason = f"is longer than {shape.length}"
        long = Flaw(
            kind="truncation", condition=f"{measure}({made}) > {shape.length}", reason=reason, warning=not shape.strict
        )
        found.append(long)
    if shape.octets is not None:
        condition = f"strlen({made}) > {shape.octets}"
        found.append(Flaw(kind="truncation", condition=condition, reason=f"is longer than {shape.octets} bytes"))
    if shape.labels:
        labels = ", ".join(text_literal(label) for label in shape.labels)
        found.append(Flaw(kind="label", condition=f"{made} NOT IN ({labels})", reason="is none of the column's values"))
    if shape.kind == "json":
        found.append(Flaw(kind="narrowing", condition=f"NOT json_valid({made})", reason="is no JSON"))
    if shape.charset in _OUTSIDE and shape.kind != "bytes":
        condition = f"regexp_matches({made}, {text_literal(_OUTSIDE[shape.charset])})"
        reason = f"has a letter that the character set {shape.charset} lacks"
        found.append(Flaw(kind="character", condition=condition, reason=reason))
    if not shape.nul and shape.kind != "bytes":
        condition = f"contains({made}, {_NUL})"
        found.append(Flaw(kind="character", condition=condition, reason="holds the character U+0000"))
    return found
