"""What a column of a Parquet file is, in the words that every dialect has a type for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa

from portability.errors import FormatError
from portability.manifest import Column

__all__ = ["Kind", "Shape", "shape_of"]

Kind: TypeAlias = Literal[
    "integer",
    "decimal",
    "float",
    "boolean",
    "text",
    "json",
    "uuid",
    "date",
    "timestamp",  # without time zone
    "instant",  # UTC
    "time",
    "duration",  # microseconds
    "bytes",
    "file",  # the sidecar of a column whose values are files
]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind with its bounds.

    ``bits`` and ``signed`` belong to integers, ``bits`` to floats, ``precision`` and ``scale`` to decimals,
    ``length`` to text (characters) and bytes: the longest value possible, None when nothing bounds it.
    """

    kind: Kind
    bits: int = 0
    signed: bool = True
    precision: int = 0
    scale: int = 0
    length: int | None = None


_TEXT_LENGTH = re.compile(
    r"(?:character varying|varchar2?|nvarchar2?|character|char|nchar|bpchar|bit|bit varying)\s*\((\d{1,9})\)",
    re.IGNORECASE,
)
_BYTES_LENGTH = re.compile(r"(?:var)?binary\s*\((\d{1,9})\)", re.IGNORECASE)

_SIMPLE: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (lambda kind: isinstance(kind, pa.UuidType), "uuid"),
    (lambda kind: isinstance(kind, pa.JsonType), "json"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_date, "date"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, "timestamp"),
    (pa.types.is_timestamp, "instant"),
    (pa.types.is_time, "time"),
    (pa.types.is_duration, "duration"),
    (lambda kind: pa.types.is_struct(kind) and kind.get_field_index("sha256") >= 0, "file"),
)


def shape_of(kind: pa.DataType, column: Column | None, *, dbms: str, place: str) -> Shape:
    """Return the shape of a column.

    Args:
        kind: Its Arrow type in the file.
        column: Its declaration; None for a sidecar.
        dbms: Of the source: SQLite does not keep to the lengths it declares.
        place: For errors.

    Raises:
        FormatError: No dialect has a type for this one.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    native = column.native_type if column and dbms != "sqlite" else ""
    if pa.types.is_integer(kind):
        return Shape(kind="integer", bits=kind.bit_width, signed=pa.types.is_signed_integer(kind))
    if pa.types.is_floating(kind):
        return Shape(kind="float", bits=kind.bit_width)
    if pa.types.is_decimal(kind):
        return Shape(kind="decimal", precision=kind.precision, scale=kind.scale)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Shape(kind="text", length=_labels_length(column) or _length(_TEXT_LENGTH, native))
    if pa.types.is_fixed_size_binary(kind):
        return Shape(kind="bytes", length=kind.byte_width)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return Shape(kind="bytes", length=_length(_BYTES_LENGTH, native))
    for holds, name in _SIMPLE:
        if holds(kind):
            return Shape(kind=name)
    raise FormatError(f"no database type is known for {kind}", place=place)


def _length(pattern: re.Pattern[str], native: str) -> int | None:
    match = pattern.fullmatch(native.strip())
    return int(match[1]) if match else None


def _labels_length(column: Column | None) -> int | None:
    """Return the longest value that labels allow: one of them, or for a set all of them with commas."""
    if column is None or not column.labels:
        return None
    lengths = [len(label) for label in column.labels]
    return sum(lengths) + len(lengths) if column.native_type.lower().startswith("set") else max(lengths)
