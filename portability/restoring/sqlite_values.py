"""Values as SQLite stores them, where that is more than their Arrow type says.

A column that was declared in SQLite gets back what a program of it would find: decimals as the number nearest to them,
dates as text without decimals of a second that are zero. A column of several storage classes gets each value's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.formats.ddl.dialect import PlannedColumn
from portability.targets.lines import plain_text

__all__ = ["as_stored", "by_storage_class"]

_CODES = {"integer": 0, "real": 1, "text": 2, "blob": 3}
_CONVERT: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "real": float,
    "text": lambda value: value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value,
    "blob": lambda value: value if isinstance(value, bytes) else bytes.fromhex(value),
}
_KINDS = (pa.int64(), pa.float64(), pa.string(), pa.binary())


def as_stored(array: pa.Array, column: PlannedColumn, *, kin: bool) -> pa.Array:
    """Return a column of one kind; ``kin`` tells that it comes from SQLite."""
    if pa.types.is_uint64(array.type) and column.type == "TEXT":
        return array.cast(pa.string())
    if not kin:
        return array
    if pa.types.is_decimal(array.type):
        return _nearest(array)
    if pa.types.is_timestamp(array.type):
        return pc.replace_substring_regex(plain_text(array, column.source), r"\.000000$", "")
    return array


def _nearest(array: pa.Array) -> pa.Array:
    """Return the doubles nearest to decimals below 2**53: one division of two exact numbers is rounded once."""
    low = np.frombuffer(array.buffers()[1], np.int64)[2 * array.offset : 2 * (array.offset + len(array)) : 2]
    doubles = pa.array(low / 10.0**array.type.scale)
    return pc.if_else(pc.is_valid(array), doubles, None)


def by_storage_class(array: pa.Array, classes: pa.Array) -> pa.Array:
    """Return a union whose values have the classes that the sidecar names; a null is in whatever child."""
    children: list[list[Any]] = [[], [], [], []]
    codes, offsets = [], []
    for value, name in zip(array.to_pylist(), classes.to_pylist(), strict=True):
        code = _CODES.get(name, 2)
        codes.append(code)
        offsets.append(len(children[code]))
        children[code].append(None if value is None or name == "null" else _CONVERT[name](value))
    arrays = [pa.array(values, kind) for values, kind in zip(children, _KINDS, strict=True)]
    return pa.UnionArray.from_dense(pa.array(codes, pa.int8()), pa.array(offsets, pa.int32()), arrays)
