"""Assembling: an opened differential deposit and those that it leans on -> the archive, byte for byte as it was.

The index is believed only as far as it was checked; every piece and every file is hashed while it is written. The
archive gets its name by one rename when all of it stands; until then, and after any failure, there is none. Memory does
not grow with the archive.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from portability.errors import ConfigError, FormatError, PortabilityError
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.differential import (
    INDEX,
    DifferentialHeader,
    FileEntry,
    PieceEntry,
    iter_entries,
    read_header,
)

__all__ = ["Assembled", "assemble"]

_HASH_HINT = "Open that deposit again; if it is still so, check its sealed copy with 'portability verify'."


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """What was assembled; ``octets_from`` says how much of it lies in which deposit."""

    destination: Path
    sequence: int
    needed: tuple[int, ...]
    files: int
    octets: int
    octets_from: dict[int, int]


def assemble(
    parts: Mapping[int, Path],
    destination: Path,
    *,
    manifests: Mapping[int, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] = lambda _: None,
) -> Assembled:
    """Assemble the archive of the last of the given deposits.

    Args:
        parts: Opened deposits by sequence; the highest is the differential one.
        destination: The new archive; it must not exist.
        manifests: The hash of each deposit's manifest.json as it was opened, by sequence, to be compared.
        limits: Bounds on what the index may say.
        progress: Told how far it is.

    Raises:
        ConfigError: There is nothing to assemble, or a deposit that it leans on was not given.
        FormatError: The index is none, or a piece or a file is not what it says.
        PortabilityError: The disk is too small, or refuses.
    """
    sequence = max(parts, default=0)
    if not sequence:
        raise ConfigError("there is no deposit to assemble")
    opened = parts[sequence]
    header = read_header(opened)
    _check_parts(header, parts, manifests or {})
    _check_space(destination, header)
    try:
        with new_folder(destination) as target, ExitStack() as files:
            assembly = _Assembly(parts, target, files, limits)
            for number, entry in enumerate(iter_entries(opened, limits), 1):
                assembly.write(entry)
                if number % 1_000 == 0:
                    progress(f"assembled {number:,} of {header.files:,} files")
    except OSError as error:
        raise PortabilityError(
            f"cannot be assembled: {error.strerror}", place=str(error.filename or destination), hint="Free space?"
        ) from error
    return Assembled(
        destination=destination,
        sequence=sequence,
        needed=header.needed,
        files=header.files,
        octets=header.octets,
        octets_from=assembly.octets_from,
    )


def _check_parts(header: DifferentialHeader, parts: Mapping[int, Path], manifests: Mapping[int, str]) -> None:
    if header.sequence != max(parts):
        message = f"this is deposit {header.sequence}, and was given as number {max(parts)}"
        raise ConfigError(message, place=INDEX, hint="Give each opened deposit under its own number.")
    missing = [str(each) for each in header.needed if each not in parts]
    if missing:
        hint = f"Open deposits {', '.join(str(each) for each in header.needed)} and give them all."
        raise ConfigError(f"it leans on deposits that were not given: {', '.join(missing)}", place=INDEX, hint=hint)
    for each in header.deposits:
        if manifests.get(each.sequence, each.manifest_sha256) != each.manifest_sha256:
            raise FormatError(f"leans on another deposit {each.sequence} than the one given", place=INDEX)


def _check_space(destination: Path, header: DifferentialHeader) -> None:
    parent = destination.absolute().parent
    if not parent.is_dir():
        raise ConfigError("there is no such folder", place=str(parent), hint="Create it, or choose another.")
    free = shutil.disk_usage(parent).free
    if free < header.octets:
        message = f"the disk is too small: the archive takes {header.octets:,} bytes, and {free:,} are free"
        raise PortabilityError(message, place=str(parent), hint="Free space, or choose another destination.")


class _Assembly:
    """What is being written, and the file that was read last: pieces of one file often lie together."""

    def __init__(self, parts: Mapping[int, Path], target: Path, files: ExitStack, limits: Limits) -> None:
        self._parts = parts
        self._target = target
        self._files = files
        self._limits = limits
        self._last: tuple[int, str] | None = None
        self._stream: BinaryIO
        self._folders: set[Path] = set()
        self.octets_from: dict[int, int] = {}

    def write(self, entry: FileEntry) -> None:
        """Write one file of the archive."""
        path = self._target / entry.path
        if path.parent not in self._folders:
            _make_folder(path.parent, entry.path)
            self._folders.add(path.parent)
        whole = hashlib.sha256()
        with path.open("xb") as out:
            for piece in entry.pieces:
                self._copy(piece, entry.path, out, whole)
        if whole.hexdigest() != entry.sha256:
            raise FormatError("does not have the hash that the index gives", place=entry.path, hint=_HASH_HINT)

    def _copy(self, piece: PieceEntry, path: str, out: BinaryIO, whole: hashlib._Hash) -> None:
        stream = self._opened(piece)
        stream.seek(piece.offset)
        digest, left = hashlib.sha256(), piece.size_bytes
        while left and (data := stream.read(min(left, self._limits.chunk_bytes))):
            digest.update(data)
            whole.update(data)
            out.write(data)
            left -= len(data)
        place = f"deposit {piece.deposit}, {piece.path} at {piece.offset}"
        if left:
            raise FormatError(f"ends before a piece of {path} does", place=place, hint=_HASH_HINT)
        if digest.hexdigest() != piece.sha256:
            raise FormatError(f"is not the piece of {path} that the index names", place=place, hint=_HASH_HINT)
        self.octets_from[piece.deposit] = self.octets_from.get(piece.deposit, 0) + piece.size_bytes

    def _opened(self, piece: PieceEntry) -> BinaryIO:
        if self._last != (piece.deposit, piece.path):
            self._files.close()
            self._last = None
            self._stream = self._files.enter_context(_open_regular(self._parts[piece.deposit], piece))
            self._last = (piece.deposit, piece.path)
        return self._stream


def _make_folder(folder: Path, path: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FormatError("lies below another file", place=path) from error


def _open_regular(opened: Path, piece: PieceEntry) -> BinaryIO:
    """Open a file of an opened deposit, and nothing that a link or a device there leads to."""
    place = f"deposit {piece.deposit}, {piece.path}"
    file = opened / piece.path
    try:
        if file.resolve(strict=True) != opened.resolve(strict=True) / piece.path:
            raise FormatError("is reached through a link", place=place)
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", place=place, hint=_HASH_HINT) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FormatError("is no file", place=place)
    return os.fdopen(descriptor, "rb")
