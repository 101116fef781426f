"""The logical types of the canonical model and what each one is in Arrow and in DuckDB.

A logical type is written in the model as text: ``string``, ``text``, ``int``, ``bool``, ``date``, ``timestamp``,
``json``, ``enum``, ``ref`` or ``decimal(precision,scale)``. Anything else is refused: there is no default case, so a
new type cannot slip into an archive as text.
"""

import re

import pyarrow as pa

from portability.errors import FormatError

__all__ = ["TEXT_TYPES", "arrow_type_of", "decimal_digits", "duckdb_type_of"]

TEXT_TYPES = frozenset({"string", "text", "enum", "ref", "json"})

_ARROW = {
    "int": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_DUCKDB = {"int": "BIGINT", "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE"}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
_DECIMAL_PRECISION_MAX = 38  # the widest decimal of both Parquet's 16-byte form and DuckDB


def decimal_digits(logical_type: str) -> tuple[int, int] | None:
    """Return (precision, scale) of a decimal type, or None for any other type.

    Raises:
        FormatError: the digits are out of range.
    """
    match = _DECIMAL.fullmatch(logical_type)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    if not 0 <= scale <= precision <= _DECIMAL_PRECISION_MAX or precision == 0:
        raise FormatError(
            f"decimal({precision},{scale}) cannot be stored exactly",
            place=logical_type,
            hint=f"use a precision of 1 to {_DECIMAL_PRECISION_MAX} and a scale not above it",
        )
    return precision, scale


def arrow_type_of(logical_type: str) -> pa.DataType:
    """Return the Arrow type that holds a logical type.

    Raises:
        FormatError: the logical type is unknown.
    """
    if logical_type in TEXT_TYPES:
        return pa.string()
    if digits := decimal_digits(logical_type):
        return pa.decimal128(*digits)
    if logical_type in _ARROW:
        return _ARROW[logical_type]
    raise _unknown(logical_type)


def duckdb_type_of(logical_type: str) -> str:
    """Return the DuckDB type that holds a logical type.

    Raises:
        FormatError: the logical type is unknown.
    """
    if logical_type in TEXT_TYPES:
        return "VARCHAR"
    if digits := decimal_digits(logical_type):
        return f"DECIMAL({digits[0]},{digits[1]})"
    if logical_type in _DUCKDB:
        return _DUCKDB[logical_type]
    raise _unknown(logical_type)


def _unknown(logical_type: str) -> FormatError:
    known = ", ".join([*sorted(TEXT_TYPES), *sorted(_ARROW), "decimal(p,s)"])
    return FormatError(f"unknown logical type {logical_type!r}", place=logical_type, hint=f"known types: {known}")
