"""Values compared bit by bit.

An extension type counts by its storage, a time by its number, a float by its bits, a null by being one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["comparable", "differing", "row_digests"]

_FLOAT_BITS = {2: pa.int16(), 4: pa.int32(), 8: pa.int64()}


def comparable(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of a type that compares exactly and has an order."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # an extension column stays chunked
        array = pa.concat_arrays([c.storage if isinstance(c, pa.ExtensionArray) else c for c in array.chunks])
    array = array.storage if isinstance(array, pa.ExtensionArray) else array
    kind = array.type
    if pa.types.is_dictionary(kind):
        return comparable(array.dictionary_decode())
    if pa.types.is_boolean(kind):
        return array.cast(pa.int8())
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return array.cast(pa.int32())
    if pa.types.is_temporal(kind):
        return array.cast(pa.int64())
    if pa.types.is_floating(kind):
        return array.view(_FLOAT_BITS[kind.bit_width // 8])
    if pa.types.is_fixed_size_binary(kind):
        return array.cast(pa.binary())
    return array


def differing(left: pa.ChunkedArray, right: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each pair of values of two columns of equal length whether they differ."""
    one, other = comparable(left), comparable(right)
    if pa.types.is_nested(one.type) or pa.types.is_nested(other.type):
        one, other = pa.array(_texts(one)), pa.array(_texts(other))
    if one.type != other.type and not (_is_number(one.type) and _is_number(other.type)):
        one, other = pa.array(_texts(one), pa.string()), pa.array(_texts(other), pa.string())
    if one.equals(other):
        return np.full(len(left), fill_value=False)
    absent_one, absent_other = pc.is_null(one), pc.is_null(other)
    unequal = pc.if_else(pc.or_(absent_one, absent_other), pc.xor(absent_one, absent_other), pc.not_equal(one, other))
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = unequal.to_numpy(zero_copy_only=False)
    return found


def row_digests(table: pa.Table) -> list[bytes]:
    """Hash each row to 128 bits: every value with its length, so that no two different rows read the same."""
    parts: list[pa.Array] = []
    for column in table.columns:
        texts = _bytes(comparable(column))
        lengths = pc.binary_length(texts).cast(pa.string()).cast(pa.binary())
        framed = pc.binary_join_element_wise(lengths, texts, b":")
        parts.append(pc.fill_null(framed, b"-"))
    if not parts:
        return [b""] * table.num_rows
    rows = pc.binary_join_element_wise(*parts, b",")
    return [hashlib.blake2b(row.as_buffer(), digest_size=16).digest() for row in rows]


def _bytes(array: pa.Array) -> pa.Array:
    if pa.types.is_nested(array.type):
        return pa.array(_texts(array), pa.string()).cast(pa.binary())
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return array.cast(pa.binary())
    return array.cast(pa.string()).cast(pa.binary())


def _texts(array: pa.Array) -> Sequence[str | None]:
    return [None if value is None else value if isinstance(value, str) else repr(value) for value in array.to_pylist()]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))
