r"""Arrow batches as delimited lines: the text form of PostgreSQL's COPY, which is the default form of LOAD DATA too.

Fields are separated by tabs, rows end in a line feed, ``\N`` is null and a backslash escapes. The work is done by
Arrow on whole columns; a value never becomes a Python object.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Rendering", "hex_text", "is_bytes", "is_text", "plain_text", "text_fields", "text_pieces"]

PIECE_BYTES = 8 * 1024 * 1024  # of text made at once, so that a wide batch is cut before it is written out
_ESCAPES = ((b"\\", "\\\\"), (b"\t", "\\t"), (b"\n", "\\n"), (b"\r", "\\r"), (b"\0", "\\0"))
_FIRST_DAY = -719_162  # 0001-01-01: Arrow's text of earlier days is not what a database reads
_UUID_BYTES = 16
_DASHES = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))


@dataclass(frozen=True, kw_only=True)
class Rendering:
    r"""What differs between DBMSs.

    Args:
        true: Text of a boolean; ``false`` likewise.
        instant_suffix: What follows the time of an instant, which is in UTC.
        bytes_prefix: What stands before the hex digits of bytes, already escaped.
        nul_in_text: U+0000 can be written.
        special_floats: Infinities and not-a-number can be written.
        duration_as_time: Durations are ``HH:MM:SS.ffffff``, else a number of microseconds.
    """

    true: str
    false: str
    instant_suffix: str = ""
    bytes_prefix: str = ""
    nul_in_text: bool = True
    special_floats: bool = True
    duration_as_time: frozenset[str] = frozenset()


def text_pieces(batch: pa.RecordBatch, columns: Sequence[str], rendering: Rendering) -> Iterator[pa.Buffer]:
    """Yield a batch as text in pieces of whole lines.

    Raises:
        TargetError: A value that this DBMS cannot hold in any form.
    """
    rows = max(1, int(batch.num_rows * PIECE_BYTES / max(batch.nbytes * 2, PIECE_BYTES)))
    for start in range(0, batch.num_rows, rows):
        piece = [_plain(array) for array in batch.slice(start, rows).columns]
        fields = [_field(array, name, rendering) for name, array in zip(columns, piece, strict=True)]
        joined = pc.binary_join_element_wise(*fields, "\t", null_handling="replace", null_replacement="\\N")
        ended = pc.binary_join_element_wise(joined, "", "\n")
        _, offsets, data = ended.buffers()
        ends = np.frombuffer(offsets, np.int32)[ended.offset : ended.offset + len(ended) + 1]
        yield data.slice(int(ends[0]), int(ends[-1] - ends[0]))


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _field(array: pa.Array, name: str, rendering: Rendering) -> pa.Array:
    kind = array.type
    if is_bytes(kind):
        digits = hex_text(array)
        prefix = rendering.bytes_prefix
        return pc.binary_join_element_wise(prefix, digits, "") if prefix else digits
    text = _written(array, name, rendering)
    return _escaped(text, name, rendering) if is_text(kind) else text


def text_fields(batch: pa.RecordBatch, columns: Sequence[str], rendering: Rendering) -> list[pa.Array]:
    """Return each column as text that nothing in is escaped; bytes as hex digits."""
    return [
        hex_text(array) if is_bytes(array.type) else _written(array, name, rendering)
        for name, array in zip(columns, map(_plain, batch.columns), strict=True)
    ]


def _written(array: pa.Array, name: str, rendering: Rendering) -> pa.Array:
    kind = array.type
    if pa.types.is_boolean(kind):
        return pc.if_else(array, rendering.true, rendering.false)
    if pa.types.is_duration(kind):
        counted = array.cast(pa.duration("us")).cast(pa.int64())
        return _clock(counted) if name in rendering.duration_as_time else counted.cast(pa.string())
    if (
        pa.types.is_floating(kind)
        and not rendering.special_floats
        and pc.all(pc.is_finite(array)).as_py() not in (True, None)
    ):
        raise TargetError("infinite numbers, or what is no number, cannot be stored here", place=name)
    if pa.types.is_timestamp(kind) and kind.tz and rendering.instant_suffix:
        return pc.binary_join_element_wise(plain_text(array, name), rendering.instant_suffix, "")
    return plain_text(array, name)


def is_bytes(kind: pa.DataType) -> bool:
    """Tell whether values are bytes (a UUID's are not)."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values are text of any content."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.JsonType))


def plain_text(array: pa.Array, name: str) -> pa.Array:
    """Return a column's values as text: ISO dates and times, instants in UTC, floats so that they give the same bits.

    Raises:
        TargetError: A date before the year 1, or a type that has no text.
    """
    kind = array.type
    if isinstance(kind, pa.UuidType):
        return _uuid_text(array.storage)
    if isinstance(kind, pa.JsonType):
        return array.storage
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp(kind.unit))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        earliest = pc.min(array.cast(pa.date32())).cast(pa.int32()).as_py()
        if earliest is not None and earliest < _FIRST_DAY:
            raise TargetError("a date is before the year 1", place=name)
    if pa.types.is_floating(kind):
        return _float_text(array)
    if pa.types.is_decimal(kind):
        return _decimal_text(array)
    if pa.types.is_nested(kind):
        raise TargetError(f"no database column is known for {kind}", place=name)
    return array if pa.types.is_string(kind) else array.cast(pa.string())


def _float_text(array: pa.Array) -> pa.Array:
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return array.cast(pa.string())


def _decimal_text(array: pa.Array) -> pa.Array:
    """Write decimals without exponents, which Arrow gives the very small ones."""
    text = array.cast(pa.string())
    if not pc.any(pc.match_substring(text, "E")).as_py():
        return text
    return pa.array([None if value is None else format(value, "f") for value in array.to_pylist()], pa.string())


def _escaped(text: pa.Array, name: str, rendering: Rendering) -> pa.Array:
    data = _content(text)
    for raw, escape in _ESCAPES:
        if not (data == raw[0]).any():
            continue
        if raw == b"\0" and not rendering.nul_in_text:
            rows = pc.sum(pc.match_substring(text, "\0")).as_py()
            hint = "Take the character out of the source, or choose another kind of target."
            raise TargetError(
                f"{rows} texts hold the character U+0000, which cannot be stored here", place=name, hint=hint
            )
        text = pc.replace_substring(text, raw.decode(), escape)
    return text


def _content(array: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The bytes that an array of texts points to."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    wide = np.int64 if pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type) else np.int32
    ends = np.frombuffer(offsets, wide)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def hex_text(array: pa.Array) -> pa.Array:
    """Return bytes as lower-case hex digits, a whole column in one call."""
    whole = array.cast(pa.large_binary())
    _, offsets, _ = whole.buffers()
    ends = (
        np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if len(whole)
        else np.zeros(1, np.int64)
    )
    digits = pa.py_buffer(binascii.hexlify(_content(whole).data))
    doubled = pa.py_buffer(((ends - ends[0]) * 2).astype(np.int64))
    validity = pc.is_valid(whole)
    text = pa.Array.from_buffers(pa.large_string(), len(whole), [None, doubled, digits])
    return pc.if_else(validity, text, None).cast(pa.string())


def _uuid_text(storage: pa.Array) -> pa.Array:
    count = len(storage)
    raw = np.frombuffer(storage.buffers()[1], np.uint8)[
        storage.offset * _UUID_BYTES : (storage.offset + count) * _UUID_BYTES
    ]
    digits = np.frombuffer(binascii.hexlify(raw.data), np.uint8).reshape(count, 2 * _UUID_BYTES)
    dashed = np.full((count, 36), ord("-"), np.uint8)
    for start, end, place in _DASHES:
        dashed[:, place : place + end - start] = digits[:, start:end]
    ends = pa.py_buffer((np.arange(count + 1) * 36).astype(np.int32))
    text = pa.Array.from_buffers(pa.string(), count, [None, ends, pa.py_buffer(dashed.tobytes())])
    return pc.if_else(pc.is_valid(storage), text, None)


def _clock(microseconds: pa.Array) -> pa.Array:
    """Write durations as MariaDB writes TIME: ``-838:59:59.000000``."""
    size = pc.abs(microseconds)
    minutes = pc.divide(size, 60_000_000)
    hours = pc.divide(minutes, 60)
    within = pc.subtract(size, pc.multiply(minutes, 60_000_000))
    seconds = pc.divide(within, 1_000_000)
    fraction = pc.subtract(within, pc.multiply(seconds, 1_000_000))

    def padded(numbers: pa.Array, width: int) -> pa.Array:
        return pc.utf8_lpad(numbers.cast(pa.string()), width, "0")

    clock = pc.binary_join_element_wise(
        padded(hours, 2), padded(pc.subtract(minutes, pc.multiply(hours, 60)), 2), padded(seconds, 2), ":"
    )
    sign = pc.if_else(pc.less(microseconds, 0), "-", "")
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, clock, ""), padded(fraction, 6), ".")
