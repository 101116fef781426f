"""Which bytes go into which segment: the files of a tree in path order, cut where a segment is full.

``iter_files`` lists, ``plan_segments`` cuts; both are lazy, so a million files take no memory. A file that does not fit
into one segment starts a segment of its own and is sliced. Links, devices and names that no archive has are refused.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from portability.errors import SealError
from portability.limits import Limits
from portability.sealing.catalog import is_archive_path

__all__ = ["Member", "PlannedSegment", "SealedSource", "iter_files", "plan_segments"]

_BLOCK = tarfile.BLOCKSIZE
_HEADER_BYTES = 4 * _BLOCK  # a plain header, or a long name's record before it
_END_BYTES = 2 * tarfile.RECORDSIZE


@dataclass(frozen=True, kw_only=True)
class SealedSource:
    """A file to seal, as it was when it was listed."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file or a slice of one, as a member of a segment's tar."""

    source: SealedSource
    name: str
    offset: int
    size_bytes: int

    @property
    def whole(self) -> bool:
        """Whether it is all of its file."""
        return self.size_bytes == self.source.size_bytes

    @property
    def last(self) -> bool:
        """Whether it ends its file."""
        return self.offset + self.size_bytes == self.source.size_bytes


@dataclass(frozen=True, kw_only=True)
class PlannedSegment:
    """A segment before it is written."""

    number: int
    members: tuple[Member, ...]


def iter_files(root: Path, limits: Limits) -> Iterator[SealedSource]:
    """Yield the files below a directory in order of their paths.

    Raises:
        SealError: Something is neither a file nor a directory, has a name that no archive has, or cannot be read.
    """
    try:
        yield from _walk(root, "", limits)
    except OSError as error:
        raise SealError(f"cannot be read: {error.strerror}", place=str(error.filename or root)) from error


def _walk(root: Path, folder: str, limits: Limits) -> Iterator[SealedSource]:
    # With its slash a directory sorts among its neighbours as the paths in it do.
    with os.scandir(root / folder) as entries:
        found = sorted(
            ((entry.name + "/" * entry.is_dir(follow_symlinks=False), entry) for entry in entries),
            key=lambda each: each[0],
        )
    for name, entry in found:
        path = folder + name
        if name.endswith("/"):
            if path.count("/") > limits.path_length_max // 2:
                raise SealError("is nested too deeply", place=path[:80])
            yield from _walk(root, path, limits)
            continue
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            hint = "An archive holds files only; find out who put it there."
            raise SealError("is a link or a device, which is not sealed", place=path, hint=hint)
        if not is_archive_path(path, limits):
            raise SealError("is not a name that an archive has", place=ascii(path))
        yield SealedSource(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def plan_segments(files: Iterable[SealedSource], limits: Limits) -> Iterator[PlannedSegment]:
    """Yield segments of whole files and slices, each with a tar of at most ``limits.segment_bytes``.

    Raises:
        SealError: There is nothing to seal, or more than a sealed archive may hold.
    """
    number, members, filled = 0, list[Member](), _END_BYTES
    for member in _cut(files, limits):
        size = _tar_bytes(member.size_bytes)
        full = filled + size > limits.segment_bytes or len(members) >= limits.segment_members_max
        if members and (full or _starts_slices(member)):
            yield PlannedSegment(number=number, members=tuple(members))
            number, members, filled = number + 1, [], _END_BYTES
            if number >= limits.sealed_files_max:
                hint = "Raise limits.segment_bytes in the configuration."
                raise SealError(f"there are more segments than the limit of {number}", hint=hint)
        members.append(member)
        filled += size
    if not members:
        raise SealError("there is nothing to seal")
    yield PlannedSegment(number=number, members=tuple(members))


def _tar_bytes(size: int) -> int:
    return _HEADER_BYTES + size + -size % _BLOCK


def _starts_slices(member: Member) -> bool:
    return member.offset == 0 and not member.last


def _cut(files: Iterable[SealedSource], limits: Limits) -> Iterator[Member]:
    room = (limits.segment_bytes - _END_BYTES - _HEADER_BYTES) // _BLOCK * _BLOCK
    for source in files:
        if source.size_bytes <= room:
            name = f"files/{source.path}"
            yield Member(source=source, name=name, offset=0, size_bytes=source.size_bytes)
            continue
        for number, offset in enumerate(range(0, source.size_bytes, room)):
            yield Member(
                source=source,
                name=f"slices/{source.path}/{number:06d}",
                offset=offset,
                size_bytes=min(room, source.size_bytes - offset),
            )
