"""How a column crosses from SQL to Arrow: as text that pyarrow's CSV reader types, or as the driver's own Python value.

A row travels as one CSV line that the source's SQL builds, so that the per-value work is done by the database and by
Arrow, never by Python. The codecs here cover the types that CSV cannot: hex for bytes, scaled integers for decimals,
uuid, json, durations.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LINE_END", "Carrying", "Line", "SentRows", "cut_lines", "cut_rows", "decode_rows", "decoded"]

Line = bytes | bytearray | memoryview

# Text held for one batch while it is decoded.
BATCH_BYTES = 16 * 1024 * 1024
# SQL builds each line with this last field, so that no line is empty and its end is never part of a value.
LINE_END = "0\n"

# Columns whose text goes through CSV as something simpler than their Arrow type.
_TRANSPORT = {
    "hex": pa.string(),
    "uuid": pa.string(),
    "json": pa.string(),
    "scaled": pa.int64(),
    "days": pa.int32(),
    "duration": pa.int64(),
    "utc": pa.timestamp("us"),
    "label": pa.string(),
}


class SentRows(NamedTuple):
    """Some rows as the source sent them.

    Args:
        lines: A CSV line for each row, with its end; empty when every column is native.
        natives: For each native column its values, in the order of the carryings.
    """

    lines: list[Line]
    natives: list[list[Any]]


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """One transport column.

    Args:
        name: Column name in the batch.
        arrow: Its Arrow type there.
        select: SQL text of the transport value (NULL where the value is null or cannot be carried).
        codec: ``plain`` (CSV types it), ``native`` (the driver's value, outside the CSV line), or one of this module's.
        kind: What its control totals are: number, float, text, bytes, date, timestamp, time, duration, bool, opaque
            (counted only), or '' for sidecars.
        value: SQL of the carried value, for totals.
        unfit: SQL predicate, never null, of values that cannot be carried; ``reason`` says why, ``raw`` is SQL of their
            text.
        scale: Decimal places that the source's totals are multiplied by (``scaled``).
    """

    name: str
    arrow: pa.DataType
    select: str
    kind: str
    codec: str = "plain"
    value: str = ""
    unfit: str = ""
    reason: str = ""
    raw: str = ""
    scale: int = 0

    @property
    def transport(self) -> pa.DataType:
        """The type that the CSV reader is told."""
        return _TRANSPORT.get(self.codec, self.arrow)


def cut_lines(lines: Iterable[Line], *, rows_max: int) -> Iterator[SentRows]:
    """Cut CSV lines into batches of bounded number and size."""
    held: list[Line] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= BATCH_BYTES or len(held) >= rows_max:
            yield SentRows(held, [])
            held, size = [], 0
    if held:
        yield SentRows(held, [])


def cut_rows(rows: Iterable[tuple[Any, ...]], *, rows_max: int, lined: bool) -> Iterator[SentRows]:
    """Cut rows of native values, a CSV line before them if ``lined``, into batches of bounded number and size."""
    held: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        held.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if size >= BATCH_BYTES or len(held) >= rows_max:
            yield _by_column(held, lined=lined)
            held, size = [], 0
    if held:
        yield _by_column(held, lined=lined)


def _by_column(rows: list[tuple[Any, ...]], *, lined: bool) -> SentRows:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return SentRows(columns[0], columns[1:]) if lined else SentRows([], columns)


def decode_rows(sent: SentRows, carryings: Sequence[Carrying], schema: pa.Schema) -> pa.RecordBatch:
    """Turn CSV lines and native values into one batch of ``schema``.

    Raises:
        SourceDataError: A text is not of its declared type, or not UTF-8.
    """
    texts = [carrying for carrying in carryings if carrying.codec != "native"]
    columns = dict(zip([c.name for c in texts], _decode_lines(sent.lines, texts), strict=True)) if texts else {}
    for carrying, values in zip([c for c in carryings if c.codec == "native"], sent.natives, strict=True):
        columns[carrying.name] = _native(values, carrying)
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def _native(values: Sequence[Any], carrying: Carrying) -> pa.Array:
    try:
        return pa.array(values, carrying.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError) as error:
        raise SourceDataError(f"a value of {carrying.name} is not of its declared type") from error


def _decode_lines(lines: Sequence[Line], texts: Sequence[Carrying]) -> list[pa.Array]:
    data = b"".join(lines)
    names = [str(number) for number in range(len(texts) + 1)]
    try:
        table = csv.read_csv(
            # Not a Python file: the reader's own thread would want the interpreter, even when that is ending.
            pa.BufferReader(data),
            # One block: a row is never cut, and the caller bounds the number of rows. Threads would cost more than they
            # gain at this size.
            read_options=csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={name: c.transport for name, c in zip(names, texts, strict=False)}
                | {names[-1]: pa.int8()},
                null_values=[""],
                true_values=["t", "1"],
                false_values=["f", "0"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise SourceDataError(f"a value is not of its declared type: {_shorten(error)}") from error
    if table.num_rows != len(lines):
        raise SourceDataError(f"{len(lines)} rows were sent but {table.num_rows} were understood")
    return [decoded(table.column(number).combine_chunks(), c) for number, c in enumerate(texts)]


def decoded(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Turn a column as it was transported into what it is."""
    return _DECODERS.get(carrying.codec, _plain)(array, carrying)


def _shorten(error: pa.ArrowInvalid) -> str:
    # The library quotes the value, which is client data: keep the kind of complaint only.
    return str(error).split(": ", 1)[-1].split("'")[0].split("\n")[0][:120]


def _plain(array: pa.Array, _: Carrying) -> pa.Array:
    return array


def _hex(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Hex digits to bytes, a whole column in one call."""
    validity, offsets, data = array.buffers()
    digits = memoryview(data)[: _last_offset(array)] if data is not None else b""
    raw = pa.py_buffer(binascii.unhexlify(digits))
    whole = pa.Array.from_buffers(pa.int32(), len(array) + 1, [None, offsets])
    halves = pa.array(whole.to_numpy(zero_copy_only=False) // 2, pa.int32())
    return pa.Array.from_buffers(pa.binary(), len(array), [validity, halves.buffers()[1], raw]).cast(carrying.arrow)


def _last_offset(array: pa.Array) -> int:
    _, offsets, _ = array.buffers()
    return int(pa.Array.from_buffers(pa.int32(), len(array) + 1, [None, offsets])[len(array)].as_py())


_UUID_LENGTH = 36
_UUID_DASHES = np.array([8, 13, 18, 23])
_UUID_DIGITS = np.setdiff1d(np.arange(_UUID_LENGTH), _UUID_DASHES)


def _uuid(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Text with or without dashes to 16 bytes each; in one sweep where none is null and all have dashes."""
    if not array.null_count and len(array) and _last_offset(array) == _UUID_LENGTH * len(array):
        texts = np.frombuffer(array.buffers()[2], np.uint8, _UUID_LENGTH * len(array)).reshape(-1, _UUID_LENGTH)
        if (texts[:, _UUID_DASHES] == ord("-")).all():
            octets = pa.py_buffer(binascii.unhexlify(texts[:, _UUID_DIGITS].tobytes()))
            whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(array), [None, octets])
            return pa.ExtensionArray.from_storage(carrying.arrow, whole)
    raw = _hex(pc.replace_substring(array, "-", ""), Carrying(name="", arrow=pa.binary(), select="", kind=""))
    return pa.ExtensionArray.from_storage(carrying.arrow, raw.cast(pa.binary(16)))


def _json(array: pa.Array, carrying: Carrying) -> pa.Array:
    return pa.ExtensionArray.from_storage(carrying.arrow, array)


def _scaled(array: pa.Array, carrying: Carrying) -> pa.Array:
    """Integers that count the last decimal place become decimals without any arithmetic."""
    whole = array.cast(pa.decimal128(19, 0))
    shifted = pa.Array.from_buffers(pa.decimal128(19, carrying.scale), len(whole), whole.buffers())
    return shifted.cast(carrying.arrow)


def _cast(array: pa.Array, carrying: Carrying) -> pa.Array:
    return array.cast(carrying.arrow)


_DECODERS = {
    "hex": _hex,
    "uuid": _uuid,
    "json": _json,
    "scaled": _scaled,
    "days": _cast,
    "duration": _cast,
    "utc": _cast,
    "label": _cast,
}
