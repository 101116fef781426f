"""Opening one segment, in a worker process: age, zstd, tar, files; everything bounded by what the catalog said.

A segment that is opened whole is first compared with the manifest's hash, so that nothing unknown is parsed, and must
hold exactly the members that the catalog names. One that is opened in part is read up to the last wanted member only;
each chunk is authentic by itself, and each file's hash is in the catalog, whose own hash is in the signed manifest.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from portability.errors import FormatError, PortabilityError, SealError
from portability.limits import Limits
from portability.sealing.container import Located, open_located
from portability.sealing.encryption import Identity
from portability.sealing.opening_authenticity import sha256_of
from portability.sealing.payload import open_age
from portability.sealing.untar import HEADER_BYTES, Member, TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SegmentOpened", "SegmentTask", "Wanted", "open_segment"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A member to write: where in which file; ``sha256`` of a whole file, None for a slice of one."""

    member: str
    path: str
    offset: int
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """A segment, the key to it, what is wanted of it and where it goes.

    ``sha256`` is the segment's own hash when it is opened whole, None when it is opened in part.
    """

    path: str
    located: Located
    sha256: str | None
    identity: Identity = field(repr=False)
    wanted: tuple[Wanted, ...]
    target: str
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class SegmentOpened:
    """What was done: files and slices written, and how much of the segment was read for it."""

    members: int
    size_bytes: int
    read_bytes: int


def open_segment(task: SegmentTask) -> SegmentOpened:
    """Write the wanted members of a segment.

    Raises:
        PortabilityError: It is not what manifest and catalog say, or cannot be written; what was written is no good.
    """
    try:
        with open_located(task.located) as stream:
            if task.sha256 is not None:
                _check_hash(stream, task.sha256)
            return _Segment(task, stream).write()
    except zstandard.ZstdError:
        message = f"is not zstd, or needs more memory than {task.limits.zstd_window_bytes_max} bytes to unpack"
        raise SealError(message, place=task.path) from None
    except FormatError as error:
        raise SealError(error.message, place=task.path) from None
    except PortabilityError as error:
        error.place = error.place or task.path
        raise
    except OSError as error:
        raise cannot_write(error, task.path) from error


def cannot_write(error: OSError, place: str) -> PortabilityError:
    """Return what a person is told when the system refuses to read or write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "Nothing was left behind. Free space, or choose another place with more of it."
        return PortabilityError("the disk is full", place=place, hint=hint)
    if error.errno in (errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
        return SealError("holds two files that cannot stand side by side", place=place)
    return PortabilityError(f"cannot go on: {error.strerror}", place=place)


def _check_hash(stream: BinaryIO, sha256: str) -> None:
    if sha256_of(stream) != sha256:
        hint = "It was damaged or swapped; get it again from where it came."
        raise SealError("is not what the manifest says: its SHA-256 differs", hint=hint)


class _Segment:
    """One run of ``open_segment``."""

    def __init__(self, task: SegmentTask, stream: BinaryIO) -> None:
        self._task = task
        self._target = Path(task.target)
        self._whole = task.sha256 is not None
        self._missing = {each.member: each for each in task.wanted}
        self._folders: set[Path] = set()
        self._plain = open_age(stream, [task.identity])
        unpacker = zstandard.ZstdDecompressor(max_window_size=task.limits.zstd_window_bytes_max)
        plain = cast("BinaryIO", self._plain)
        self._tar = TarReader(unpacker.stream_reader(plain, read_across_frames=True), task.limits)

    def write(self) -> SegmentOpened:
        size = 0
        for member in self._members():
            wanted = self._missing.pop(member.name, None)
            if wanted is None:
                self._pass_over(member)
                continue
            if member.size_bytes != wanted.size_bytes:
                raise SealError(f"holds a file of another size than the catalog says: {wanted.path}")
            self._write_member(wanted)
            size += wanted.size_bytes
        if self._missing:
            raise SealError(f"lacks a file that the catalog names: {next(iter(self._missing.values())).path}")
        return SegmentOpened(members=len(self._task.wanted), size_bytes=size, read_bytes=self._plain.tell())

    def _members(self) -> Iterator[Member]:
        """Yield members to the end, or until the last wanted one is out when the rest does not matter."""
        limits, members = self._task.limits, 0
        left = 2 * limits.segment_bytes_max  # of what is passed over, headers too; a bomb ends here
        while (self._whole or self._missing) and (member := self._tar.next()) is not None:
            members += 1
            left -= member.size_bytes + HEADER_BYTES
            if left < 0:
                raise SealError(f"unpacks to more than {limits.segment_bytes_max} bytes")
            if members > limits.segment_members_max:
                raise SealError(f"holds more than {limits.segment_members_max} files")
            yield member

    def _pass_over(self, member: Member) -> None:
        if self._whole:
            raise SealError("holds a file that the catalog does not name, or one twice")
        del member
        self._tar.skip()

    def _write_member(self, wanted: Wanted) -> None:
        path = self._target / wanted.path
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        # A whole file is new or something is wrong; slices of one file come from several segments, in any order.
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if wanted.sha256 is not None else 0)
        with FileIO(path, "wb", opener=lambda name, _: os.open(name, flags, 0o666)) as file:
            file.seek(wanted.offset)
            sink = _Sink(file)
            self._tar.copy(sink.write if wanted.sha256 is None else sink.write_hashed)
        if wanted.sha256 not in (None, sink.sha256.hexdigest()):
            raise SealError(f"holds a file whose SHA-256 is not the catalog's: {wanted.path}")


class _Sink:
    """A file being written, and hashed when its hash is known."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, piece: memoryview) -> None:
        while piece:
            piece = piece[self._file.write(piece) :]

    def write_hashed(self, piece: memoryview) -> None:
        self.sha256.update(piece)
        self.write(piece)
