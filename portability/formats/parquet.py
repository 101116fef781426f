"""Tables as Parquet with deterministic bytes: pinned options, rows in the order given, row groups cut by content.

A row group ends before a row whose key hash has ``row_group_mask_bits`` low zero bits, once the group has
``row_group_rows_min`` rows, and in any case at ``row_group_rows_max`` rows or ``row_group_bytes_max`` bytes. So a
changed row changes its own group; an inserted row moves no boundary but its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["WrittenTable", "engine_limits", "iter_parquet", "key_hashes", "write_parquet"]

_LEAST_BYTES = 256 * 1024  # a smaller file's rows are no burden
COMPRESSION_LEVEL = 3  # zstd; 1 is a tenth larger, 9 takes ten times as long on tables
# Where values repeat, their dictionary stays below this; where not, the writer gives it up early. With the library's
# 1 MiB, a ledger took half as much processor time again and a fifth more space.
DICTIONARY_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class WrittenTable:
    """What was written."""

    rows: int
    row_groups: int


def write_parquet(
    path: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    key: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> WrittenTable:
    """Write batches to ``path`` (which must not exist yet).

    Args:
        path: The new file.
        schema: Of every batch.
        batches: Rows in their final order; the bytes do not depend on where one batch ends.
        key: Columns whose hash cuts row groups; all columns of fixed or text type when empty.
        limits: Row group sizes.
    """
    options = {
        "compression": "zstd",
        "compression_level": COMPRESSION_LEVEL,
        "version": "2.6",
        "data_page_version": "1.0",
        "dictionary_pagesize_limit": DICTIONARY_BYTES_MAX,
    }
    with (
        path.open("xb") as stream,
        pq.ParquetWriter(
            stream, schema, store_schema=True, write_statistics=_with_statistics(schema), **options
        ) as writer,
    ):
        rows, groups = _encode(writer, _groups(batches, schema, tuple(key), limits))
    return WrittenTable(rows=rows, row_groups=groups)


def engine_limits(data: Path, limits: Limits) -> Limits:
    """Return what an engine over these tables may use: one thread where rows are long, for each holds 2,048 of them.

    Footers are believed for this alone; a file that cannot be read is left to whoever reads it.
    """
    for path in (found for folder in ("source", "tables") for found in (data / folder).rglob("*.parquet")):
        # The archive may be anybody's: what is no file is not opened, and a footer has a bound.
        with contextlib.suppress(OSError, pa.ArrowException):
            if path.is_symlink() or not path.is_file() or path.stat().st_size < _LEAST_BYTES:
                continue
            with pq.ParquetFile(path, thrift_string_size_limit=limits.parquet_footer_bytes_max) as file:
                groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            if any(group.total_byte_size > limits.wide_row_bytes * max(1, group.num_rows) for group in groups):
                return replace(limits, duckdb_threads=1)
    return limits


def iter_parquet(path: Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows in batches of at most ``rows``, with one row group in memory.

    Raises:
        OSError, pyarrow.ArrowException: It cannot be read.
    """
    # By its default, pre_buffer, the library reads all that will be asked for ahead, and keeps it: the whole file.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(rows, columns=columns)


def _encode(writer: pq.ParquetWriter, groups: Iterable[pa.Table]) -> tuple[int, int]:
    """Encode each group while the next one is being read; return how many rows and groups there were."""
    rows = count = 0
    with ThreadPoolExecutor(1, thread_name_prefix="encoding") as encoder:
        encoding: Future[None] | None = None
        for group in groups:
            if encoding is not None:
                encoding.result()  # one group is held beside the one that is read, never more
            encoding = encoder.submit(writer.write_table, group, row_group_size=max(1, group.num_rows))
            rows += group.num_rows
            count += 1
        if encoding is not None:
            encoding.result()
    return rows, count


def _with_statistics(schema: pa.Schema) -> list[str]:
    """Columns whose smallest and largest values are noted: not floats, where NaN makes readers skip rows that match."""
    return [
        field.name for field in schema if not pa.types.is_floating(field.type) and not pa.types.is_nested(field.type)
    ]


def _groups(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, key: tuple[str, ...], limits: Limits
) -> Iterator[pa.Table]:
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        ends = _ends(batch, key, limits, rows, size)
        start = 0
        for end in ends:
            yield _table([*pending, batch.slice(start, end - start)], schema)
            pending, start = [], end
        rest = batch.slice(start)
        if rest.num_rows:
            pending.append(rest)
        rows, size = (rows + batch.num_rows, size + _size(batch)) if not ends else (rest.num_rows, _size(rest))
    if pending:
        yield _table(pending, schema)


def _table(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    # One chunk for each column: dictionary pages and their fallback then depend on the rows alone.
    return pa.Table.from_batches([b for b in batches if b.num_rows], schema=schema).combine_chunks()


def _ends(batch: pa.RecordBatch, key: tuple[str, ...], limits: Limits, rows: int, size: int) -> list[int]:
    """Positions in this batch before which a group ends, given what the open group holds already."""
    mask = np.uint64((1 << limits.row_group_mask_bits) - 1)
    candidates = np.flatnonzero((key_hashes(batch, key) & mask) == 0).tolist()
    sizes = np.concatenate([[0], np.cumsum(_row_sizes(batch))])
    ends: list[int] = []
    start = -rows  # where the open group began, counted from this batch's first row
    base = -size
    candidate = 0
    while True:
        while candidate < len(candidates) and candidates[candidate] - start < limits.row_group_rows_min:
            candidate += 1
        by_hash = candidates[candidate] if candidate < len(candidates) else sys.maxsize
        by_rows = start + limits.row_group_rows_max
        by_bytes = max(1 + max(start, -1), int(np.searchsorted(sizes, base + limits.row_group_bytes_max, side="right")))
        end = min(by_hash, by_rows, by_bytes)
        if end >= batch.num_rows:
            return ends
        if end > start:
            ends.append(end)
        start, base = end, int(sizes[end])


def _row_sizes(batch: pa.RecordBatch) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Bytes of each row: the length of variable values, 8 for everything else."""
    total = np.full(batch.num_rows, 0, dtype=np.int64)
    for column in batch.columns:
        total += 8
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            total += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return total


def _size(batch: pa.RecordBatch) -> int:
    return int(_row_sizes(batch).sum())


def key_hashes(batch: pa.RecordBatch, key: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Hash each row's key to 64 bits, the same on every machine.

    One integer column: splitmix64 of its two's complement. Otherwise: the first 8 bytes, little endian, of BLAKE2b
    (digest size 8) over the key's values as text, joined with U+001F, a null as nothing. Without a key, all columns
    that have a text form.
    """
    columns = [batch.column(name) for name in key] or [c for c in batch.columns if _has_text(c.type)]
    if key and len(columns) == 1 and pa.types.is_integer(columns[0].type):
        # A key has no nulls; were there one, it would count as zero, whatever else its batch holds.
        integers = pc.fill_null(columns[0], 0).to_numpy(zero_copy_only=False)
        return _splitmix64(integers.astype(np.int64).view(np.uint64))
    texts = [pc.fill_null(_as_text(column), "") for column in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f") if texts else pa.array([""] * batch.num_rows)
    digests = b"".join(hashlib.blake2b(value.as_buffer(), digest_size=8).digest() for value in joined.cast(pa.binary()))
    return np.frombuffer(digests, dtype="<u8")


def _has_text(kind: pa.DataType) -> bool:
    nested = pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return not nested


def _as_text(column: pa.Array) -> pa.Array:
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    if pa.types.is_fixed_size_binary(storage.type) or pa.types.is_binary(storage.type):
        return pa.array([None if v is None else v.hex() for v in storage.to_pylist()], pa.string())
    if pa.types.is_duration(storage.type):
        storage = storage.cast(pa.int64())
    return storage.cast(pa.string())


def _splitmix64(values: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014), the output function."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
