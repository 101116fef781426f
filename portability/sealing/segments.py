"""Sealing one segment, in a worker process: files -> tar -> zstd -> age -> one file, hashed as they pass.

The tar is deterministic (names and bytes, nothing of the machine). What does not shrink is passed on at a quick level,
in a zstd frame of its own; ``zstd -d`` reads frames one after the other. A file that is not what it was when it was
listed stops the seal.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zstandard
from cryptography.hazmat.primitives.poly1305 import Poly1305

from portability.errors import SealError
from portability.sealing.encryption import parse_recipient
from portability.sealing.payload_writing import AgeWriter
from portability.sealing.planning import Member

__all__ = ["HashingFile", "SealedSegment", "SegmentTask", "disk_error", "seal_segment"]

_READ_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024  # smaller files are not worth a frame of their own
_SAMPLES = 8
_PARQUET = b"PAR1"
_LEVEL = 3
_QUICK_LEVEL = -5  # ten times as quick as level 3 on Parquet, for a twentieth more bytes
_SHRINKS = 0.9  # a sample that stays above this share was compressed before
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """One segment to write: members of the tree ``root``, for the deposit's recipient, into the new file ``target``.

    ``slice_key`` is for the tags of slices; see ``slices``.
    """

    root: str
    slice_key: bytes
    members: tuple[Member, ...]
    recipient: str
    target: str


@dataclass(frozen=True, kw_only=True)
class SealedSegment:
    """A segment as it was written; ``hashes`` are of its members' bytes, in order: SHA-256, or the tag of a slice."""

    plain_bytes: int
    size_bytes: int
    sha256: str
    hashes: tuple[str, ...]


def seal_segment(task: SegmentTask) -> SealedSegment:
    """Write one segment.

    Raises:
        SealError: A file changed or cannot be read, or the segment cannot be written.
    """
    hashes: list[str] = []
    with HashingFile(Path(task.target)) as file:
        writer = AgeWriter(file, parse_recipient(task.recipient))
        for chunk in _compressed(task, hashes):
            writer.write(chunk)
        written = writer.finish()
    return SealedSegment(
        plain_bytes=written.plain_bytes, size_bytes=written.size_bytes, sha256=file.sha256, hashes=tuple(hashes)
    )


class HashingFile:
    """A new file, hashed while it is written; at the end its length on disk is what was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        try:
            self._stream = self._path.open("xb", buffering=0)
        except OSError as error:
            raise disk_error(error, self._path) from error
        return self

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self._hash.update(data)
        try:
            view = memoryview(data)
            while view:
                view = view[self._stream.write(view) :]
        except OSError as error:
            raise disk_error(error, self._path) from error
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        length = os.fstat(self._stream.fileno()).st_size
        self._stream.close()
        if kind is None and length != self._size:
            raise SealError(
                f"has {length} bytes on disk, not the {self._size} that were written", place=self._path.name
            )

    @property
    def sha256(self) -> str:
        """The hash of what was written."""
        return self._hash.hexdigest()


def disk_error(error: OSError, path: Path) -> SealError:
    """Say what the disk said, and what mends it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "A sealed archive needs about as much room as the archive. Free some, or choose another destination."
        return SealError("the disk is full", place=str(path.parent), hint=hint)
    return SealError(f"cannot be written: {error.strerror}", place=str(path))


# --- tar and zstd ----------------------------------------------------------------------------------------------------


def _compressed(task: SegmentTask, hashes: list[str]) -> Iterator[bytes]:
    """Yield the segment's zstd frames; a new frame begins where the level changes."""
    frame, level = None, 0
    for member in task.members:
        with _SourceFile(Path(task.root), member, task.slice_key) as file:
            wanted = file.level()
            if frame is None or wanted != level:
                if frame is not None:
                    yield frame.flush()
                frame, level = zstandard.ZstdCompressor(level=wanted, write_checksum=False).compressobj(), wanted
            yield frame.compress(_header(member))
            for chunk in file.chunks():
                yield frame.compress(chunk)
            yield frame.compress(bytes(-member.size_bytes % tarfile.BLOCKSIZE))
            hashes.append(file.hash)
    if frame is not None:
        yield frame.compress(bytes(2 * tarfile.BLOCKSIZE))
        yield frame.flush()


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)  # mode 0644, owner 0, time 0
    info.size = member.size_bytes
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


class _SourceFile:
    """One member's bytes, refused when the file is not what it was when it was listed."""

    def __init__(self, root: Path, member: Member, slice_key: bytes) -> None:
        self._member = member
        self._path = root / member.source.path
        self._sha256 = hashlib.sha256()
        self._tag = None if member.whole else Poly1305(slice_key)

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._path, _OPEN_FLAGS)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._check()
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._descriptor)

    def level(self) -> int:
        """Choose a compression level by what the file is: Parquet, or else whether a sample of it shrinks."""
        member = self._member
        if member.size_bytes < _SAMPLE_BYTES:
            return _LEVEL
        # Our Parquet is zstd inside; some of its columns would shrink by a tenth, at the price of all the time.
        if os.pread(self._descriptor, len(_PARQUET), 0) == _PARQUET:
            return _QUICK_LEVEL
        starts = range(member.offset, member.offset + member.size_bytes, member.size_bytes // _SAMPLES)
        sample = b"".join(os.pread(self._descriptor, _SAMPLE_BYTES // _SAMPLES, start) for start in starts)
        shrunk = len(zstandard.ZstdCompressor(level=1).compress(sample))
        return _LEVEL if shrunk < _SHRINKS * len(sample) else _QUICK_LEVEL

    def chunks(self) -> Iterator[bytes]:
        """Yield the member's bytes."""
        offset, left = self._member.offset, self._member.size_bytes
        while left:
            try:
                chunk = os.pread(self._descriptor, min(left, _READ_BYTES), offset)
            except OSError as error:
                raise self._unreadable(error) from error
            if not chunk:
                raise self._changed()
            (self._tag or self._sha256).update(chunk)
            offset, left = offset + len(chunk), left - len(chunk)
            yield chunk
        self._check()

    @property
    def hash(self) -> str:
        """The hash of the bytes that were read, or a slice's tag; asked once."""
        return self._tag.finalize().hex() if self._tag else self._sha256.hexdigest()

    def _check(self) -> None:
        status, source = os.fstat(self._descriptor), self._member.source
        same = (status.st_size, status.st_mtime_ns) == (source.size_bytes, source.mtime_ns)
        if not same or not stat.S_ISREG(status.st_mode):
            raise self._changed()

    def _changed(self) -> SealError:
        hint = "Seal it again when nothing writes to it."
        return SealError("was changed while it was being sealed", place=self._member.source.path, hint=hint)

    def _unreadable(self, error: OSError) -> SealError:
        return SealError(f"cannot be read: {error.strerror}", place=self._member.source.path)
