"""Row groups told apart by their encoded bytes, without decoding them.

The same rows are written as the same bytes (docs/archive_format.md, row groups), and the same bytes under the same type
are the same rows. So what both files hold in identical groups needs no reading. Identity is SHA-256 over the bytes
themselves, never over a hash that somebody wrote down: it holds for archives that nobody has verified.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["TableFile", "differing_groups"]


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """One side's Parquet file: its schema, and how many groups and rows it has."""

    path: Path
    schema: pa.Schema
    groups: int
    rows: int

    @classmethod
    def open(cls, path: Path, limits: Limits) -> TableFile:
        """Read a file's footer.

        Raises:
            FormatError: It is missing, no Parquet, or larger inside than the limits.
        """
        try:
            with pq.ParquetFile(path, thrift_string_size_limit=limits.parquet_footer_bytes_max) as file:
                metadata = file.metadata
                sizes = [metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)]
                if max(sizes, default=0) > limits.parquet_group_bytes_max:
                    message = f"a row group is larger than {limits.parquet_group_bytes_max} bytes"
                    raise FormatError(message, place=path.name, hint="`portability verify` says what else is wrong.")
                return cls(path=path, schema=file.schema_arrow, groups=metadata.num_row_groups, rows=metadata.num_rows)
        except (OSError, pa.ArrowException) as error:
            hint = "`portability verify` says what else is wrong with the archive."
            raise FormatError("cannot be read as Parquet", place=path.name, hint=hint) from error

    def tables(self, groups: Sequence[int]) -> Iterator[pa.Table]:
        """Decode some row groups, one at a time.

        Raises:
            FormatError: The bytes are damaged.
        """
        try:
            with pq.ParquetFile(self.path) as file:
                for group in groups:
                    yield file.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            hint = "`portability verify` says what is wrong with the archive."
            raise FormatError("a row group cannot be decoded", place=self.path.name, hint=hint) from error


def differing_groups(
    before: TableFile | None, after: TableFile | None, columns: Collection[str], limits: Limits
) -> tuple[list[int], list[int]]:
    """Return the numbers of the groups that either file holds and the other does not, by the bytes of ``columns``."""
    with ThreadPoolExecutor(2) as pool:  # hashing and reading release the interpreter's lock
        left, right = pool.map(lambda file: _identities(file, columns, limits), (before, after))
    return _beyond(left, Counter(right)), _beyond(right, Counter(left))


def _beyond(identities: list[bytes], others: Counter[bytes]) -> list[int]:
    found = []
    for number, identity in enumerate(identities):
        if others[identity] > 0:
            others[identity] -= 1
        else:
            found.append(number)
    return found


def _identities(file: TableFile | None, columns: Collection[str], limits: Limits) -> list[bytes]:
    if file is None:
        return []
    leaves = _leaves(file.schema, columns)
    try:
        with file.path.open("rb") as stream, pq.ParquetFile(file.path) as parquet:
            metadata = parquet.metadata
            return [_identity(stream, metadata.row_group(n), leaves, limits) for n in range(file.groups)]
    except (OSError, pa.ArrowException) as error:
        raise FormatError("cannot be read", place=file.path.name) from error


def _identity(stream: BinaryIO, group: pq.RowGroupMetaData, leaves: Sequence[tuple[str, int]], limits: Limits) -> bytes:
    """Hash the encoded columns of a group, each with its name and how its bytes are to be understood."""
    digest = hashlib.sha256()
    for name, leaf in leaves:
        chunk = group.column(leaf)
        start = min(n for n in (chunk.dictionary_page_offset, chunk.data_page_offset) if n is not None)
        how = (name, chunk.physical_type, chunk.compression, chunk.encodings, chunk.num_values)
        digest.update(repr((*how, chunk.total_compressed_size)).encode())
        stream.seek(start)
        left = chunk.total_compressed_size
        while left > 0 and (piece := stream.read(min(left, limits.chunk_bytes))):
            digest.update(piece)
            left -= len(piece)
    digest.update(str(group.num_rows).encode())
    return digest.digest()


def _leaves(schema: pa.Schema, columns: Collection[str]) -> list[tuple[str, int]]:
    """Give the numbers of the Parquet columns behind some Arrow columns; a struct has several."""
    found = []
    number = 0
    for field in schema:
        count = _leaf_count(field.type)
        if field.name in columns:
            found += [(field.name, number + n) for n in range(count)]
        number += count
    return sorted(found)


def _leaf_count(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _leaf_count(kind.storage_type)
    if pa.types.is_nested(kind):
        return sum(_leaf_count(kind.field(n).type) for n in range(kind.num_fields))
    return 1
