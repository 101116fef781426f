"""An archive's files in pieces: what can be the same in the next archive, cut so that it is found again.

Parquet files are cut at row groups and column chunks, as their own metadata gives them; short neighbours in a row
group stay together. Other files are one piece, or cut by content when they are long. A piece is known by its SHA-256;
of whole files the archive's manifest has it already, so listing them reads none; only cutting does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import DATA
from portability.errors import SealError
from portability.escrow.deposits.content_cuts import iter_cuts
from portability.limits import Limits
from portability.sealing.fixity import ArchiveHashes, check_hash
from portability.sealing.planning import iter_files

__all__ = ["Cut", "CutFile", "ListedFile", "cut_file", "iter_listed_files"]

_DOCUMENTS = f"{DATA}/documents/"


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece: where it lies in its file, and its hash."""

    offset: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the archive, as the archive's manifest has it; it was not read."""

    path: str
    size_bytes: int
    sha256: str

    @property
    def whole(self) -> tuple[Cut, ...]:
        """All of it as one piece; none when it is empty."""
        return (Cut(0, self.size_bytes, self.sha256),) if self.size_bytes else ()


@dataclass(frozen=True, slots=True)
class CutFile:
    """A file of the archive with its pieces in order."""

    file: ListedFile
    pieces: tuple[Cut, ...]


def iter_listed_files(archive: Path, limits: Limits) -> Iterator[ListedFile]:
    """Yield every file of an archive, in path order.

    Raises:
        SealError: The archive is not what its manifests list.
    """
    hashes = ArchiveHashes(archive, limits)
    for source in iter_files(archive, limits):
        yield ListedFile(source.path, source.size_bytes, hashes.expect(source.path))
    hashes.finish()


def cut_file(archive: Path, file: ListedFile, limits: Limits) -> CutFile:
    """Cut a file; one that is long enough to be cut is read.

    Raises:
        SealError: It is not what the archive's manifest says, or cannot be read.
    """
    if file.size_bytes <= _whole_bytes(file.path, limits):
        return CutFile(file, file.whole)
    try:
        return CutFile(file, _hashed(archive / file.path, file.path, file.sha256, limits))
    except OSError as error:
        raise SealError(f"cannot be read: {error.strerror}", place=file.path) from error


def _whole_bytes(path: str, limits: Limits) -> int:
    return limits.piece_document_bytes if path.startswith(_DOCUMENTS) else 2 * limits.piece_bytes_min


def _hashed(file: Path, path: str, sha256: str, limits: Limits) -> tuple[Cut, ...]:
    """Cut a file, and read it once for the hashes of its pieces and its own."""
    ends = list(_ends(file, path, limits))
    whole, pieces, start = hashlib.sha256(), list[Cut](), 0
    with file.open("rb") as stream:
        for end in ends:
            digest = hashlib.sha256()
            for data in _read(stream, end - start, limits):
                digest.update(data)
                whole.update(data)
            pieces.append(Cut(start, end - start, digest.hexdigest()))
            start = end
    check_hash(path, expected=sha256, found=whole.hexdigest())
    return tuple(pieces)


def _read(stream: BinaryIO, size: int, limits: Limits) -> Iterator[bytes]:
    while size and (data := stream.read(min(size, limits.chunk_bytes))):
        size -= len(data)
        yield data


def _ends(file: Path, path: str, limits: Limits) -> Iterator[int]:
    if path.endswith(".parquet") and not path.startswith(_DOCUMENTS):
        try:
            ends = list(_parquet_ends(pq.read_metadata(file), limits))
        except pa.ArrowException:
            ends = []  # a file by that name only: it is cut like any other
        size = file.stat().st_size
        if ends and ends == sorted({*ends}) and ends[0] > 0 and ends[-1] <= size:
            yield from ends if ends[-1] == size else (*ends, size)
            return
    with file.open("rb") as stream:
        yield from iter_cuts(stream, limits)


def _parquet_ends(metadata: pq.FileMetaData, limits: Limits) -> Iterator[int]:
    """Yield the ends of column chunks, of short ones together; each row group begins anew."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = sorted(_chunk(group.column(column)) for column in range(group.num_columns))
        start = chunks[0][0]
        for _, end in chunks[:-1]:
            if end - start >= limits.piece_bytes_min:
                yield end
                start = end
        yield chunks[-1][1]


def _chunk(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    start = column.data_page_offset
    if column.has_dictionary_page:
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size
