"""Values as text, exactly: the forms that hold text share one way to write a number, a date, an instant or bytes."""

from __future__ import annotations

import base64
import json

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["column_texts", "storage"]

_SCALE_PLAIN = 6  # up to here Arrow writes decimals without an exponent


def storage(column: pa.Array) -> pa.Array:
    """Return what an extension type (UUID, JSON) is stored as; UUIDs become their text."""
    if isinstance(column.type, pa.UuidType):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def column_texts(column: pa.Array) -> pa.Array:
    """Write a column as text.

    Decimals have all their places and no exponent; floats are the shortest text that reads back the same; dates and
    times are ISO 8601, an instant ends in Z; durations are a number of microseconds; bytes are base64; nested values
    are JSON.
    """
    array = storage(column)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(pa.string())
    if pa.types.is_decimal(kind) and kind.scale > _SCALE_PLAIN:
        return pa.array([None if v is None else format(v, "f") for v in array.to_pylist()], pa.string())
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_timestamp(kind):
        text = pc.replace_substring(array.cast(pa.string()), " ", "T", max_replacements=1)
        return pc.replace_substring_regex(text, r"\.000000", "")
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(array.cast(pa.string()), r"\.000000$", "")
    if pa.types.is_duration(kind):
        return array.cast(pa.int64()).cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if v is None else base64.b64encode(v).decode() for v in array.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        texts = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()]
        return pa.array(texts, pa.string())
    return array.cast(pa.string())


def _floats(array: pa.Array) -> pa.Array:
    text = array.cast(pa.string())
    for written, standard in (("nan", "NaN"), ("-nan", "NaN"), ("inf", "INF"), ("-inf", "-INF")):
        text = pc.if_else(pc.equal(text, written), standard, text)
    return text
