"""The index of a differential deposit, a wire format: where every byte of an archive lies, in it or in deposits before.

``data/index.jsonl`` holds canonical JSON lines of integers and text: a header, then one line for each file of the
archive, in path order. A file is its pieces, end to end; a piece lies at an offset of a file in an opened deposit: this
one (``data/objects/…``) or one that the header names. Reading refuses whatever could lead elsewhere: other paths,
deposits that the header does not name, sizes that do not add up, lines in another form or order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from portability.archive import DATA
from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.catalog import is_archive_path

__all__ = [
    "INDEX",
    "OBJECTS",
    "DifferentialHeader",
    "FileEntry",
    "PieceEntry",
    "Referenced",
    "check_piece",
    "is_differential",
    "iter_entries",
    "read_header",
    "to_line",
]

FORMAT = "legal-portability-differential"
VERSION = "1.0"
INDEX = f"{DATA}/index.jsonl"
OBJECTS = f"{DATA}/objects"
_READ_BYTES = 1024 * 1024
_HEADER_BYTES_MAX = 64 * 1024  # a chain of 400 deposits takes 40 KiB
_SHA256 = re.compile(r"[0-9a-f]{64}")

# Fields stand in the order of their names: that makes their JSON canonical.


@dataclass(frozen=True, kw_only=True)
class Referenced:
    """A deposit that pieces lie in, by the hash of its manifest.json."""

    manifest_sha256: str
    sequence: int


@dataclass(frozen=True, kw_only=True)
class DifferentialHeader:
    """The first line: which deposit this is, what it leans on, and what the archive amounts to."""

    agreement: str
    deposits: tuple[Referenced, ...]  # by sequence; all earlier than this one
    files: int
    format: str = FORMAT
    octets: int
    sequence: int
    version: str = VERSION

    @property
    def needed(self) -> tuple[int, ...]:
        """The deposits that have to be opened beside this one."""
        return tuple(each.sequence for each in self.deposits)


@dataclass(frozen=True, kw_only=True)
class PieceEntry:
    """Bytes of a file in the opened deposit number ``deposit``."""

    deposit: int
    offset: int
    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file of the archive, from the archive's root."""

    path: str
    pieces: tuple[PieceEntry, ...]
    sha256: str
    size_bytes: int


def to_line(entry: DifferentialHeader | FileEntry) -> bytes:
    """Write a line of the index."""
    return msgspec.json.encode(entry) + b"\n"


def is_differential(opened: Path) -> bool:
    """Tell whether an opened deposit holds an index instead of an archive."""
    return (opened / INDEX).is_file()


def read_header(opened: Path) -> DifferentialHeader:
    """Read what an opened differential deposit leans on.

    Raises:
        FormatError: It has no index, or one of another version or shape.
    """
    try:
        with (opened / INDEX).open("rb") as stream:
            line = stream.readline(_HEADER_BYTES_MAX)
    except OSError as error:
        hint = "Give the folder of an opened differential deposit: the one that holds data/index.jsonl."
        raise FormatError(f"the index cannot be read: {error.strerror}", place=str(opened), hint=hint) from error
    return _header(line)


def iter_entries(opened: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[FileEntry]:
    """Yield the files of the archive, each checked; at the end, that they are what the header counts.

    Raises:
        FormatError: It is no such index; what was yielded before must not be used.
    """
    decoder = msgspec.json.Decoder(FileEntry)
    with (opened / INDEX).open("rb") as stream:
        header = _header(stream.readline(_HEADER_BYTES_MAX))
        known = {*header.needed, header.sequence}
        number, octets, previous = 1, 0, ""
        while line := stream.readline(limits.differential_line_bytes_max):
            number += 1
            entry = _parsed(decoder, line, number)
            if entry.path <= previous:
                raise _refused(number, "is not in path order")
            _check_entry(entry, header, known, number, limits)
            previous, octets = entry.path, octets + entry.size_bytes
            if number - 1 > header.files or octets > header.octets:
                raise _refused(number, "goes beyond what the header counts")
            yield entry
    if (number - 1, octets) != (header.files, header.octets):
        raise _refused(number, "ends before what the header counts")


def check_piece(opened: Path, piece: PieceEntry) -> None:
    """Read a piece in the opened deposit that it lies in.

    Raises:
        FormatError: It is not there, or another.
    """
    digest, left = hashlib.sha256(), piece.size_bytes
    place = f"{piece.path} at {piece.offset}"
    try:
        with (opened / piece.path).open("rb") as stream:
            stream.seek(piece.offset)
            while left and (data := stream.read(min(left, _READ_BYTES))):
                digest.update(data)
                left -= len(data)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=place) from error
    if left or digest.hexdigest() != piece.sha256:
        raise FormatError("is not the piece that the index names", place=place)


_Line = TypeVar("_Line", DifferentialHeader, FileEntry)


def _header(line: bytes) -> DifferentialHeader:
    header = _parsed(msgspec.json.Decoder(DifferentialHeader), line, 1)
    if header.format != FORMAT or header.version.split(".")[0] != VERSION.split(".")[0]:
        raise FormatError(
            f"is of a format that this program does not read: {header.format[:40]} {header.version[:20]}",
            place=INDEX,
            hint="Use a version of this program that knows it.",
        )
    if not header.deposits or header.sequence < 1 or header.files < 0 or header.octets < 0:
        raise _refused(1, "leans on no deposit, or has a number that is not possible")
    sequences = list(header.needed)
    if sequences != sorted({*sequences}) or sequences[0] < 1 or sequences[-1] >= header.sequence:
        raise _refused(1, "leans on a deposit that is not earlier, or names one twice")
    if not all(_SHA256.fullmatch(each.manifest_sha256) for each in header.deposits):
        raise _refused(1, "has a hash that is not a SHA-256")
    return header


def _parsed(decoder: msgspec.json.Decoder[_Line], line: bytes, number: int) -> _Line:
    try:
        entry = decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(number, "is not a line of this index") from error
    if to_line(entry) != line:
        raise _refused(number, "is not in canonical form")
    return entry


def _check_entry(entry: FileEntry, header: DifferentialHeader, known: set[int], number: int, limits: Limits) -> None:
    if not is_archive_path(entry.path, limits):
        raise _refused(number, "names a path that no archive can have")
    if not _SHA256.fullmatch(entry.sha256) or sum(each.size_bytes for each in entry.pieces) != entry.size_bytes:
        raise _refused(number, "has no hash, or pieces that do not add up")
    for piece in entry.pieces:
        if piece.deposit not in known:
            raise _refused(number, "lies in a deposit that the header does not name")
        if not is_archive_path(piece.path, limits) or not piece.path.startswith(f"{OBJECTS}/" * _own(piece, header)):
            raise _refused(number, "has a piece in a path that no deposit can have")
        if piece.offset < 0 or piece.size_bytes < 1 or not _SHA256.fullmatch(piece.sha256):
            raise _refused(number, "has a piece without a hash, of no size, or before the start")


def _own(piece: PieceEntry, header: DifferentialHeader) -> bool:
    return piece.deposit == header.sequence


def _refused(number: int, reason: str) -> FormatError:
    return FormatError(f"line {number} {reason}", place=INDEX)
