"""From catalog and key to files: segments opened side by side, every file compared with the catalog.

The catalog is read as a stream and is in the order of the segments, so what is held follows one segment, not the
archive. A file that spans segments is hashed here, piece by piece, as its segments come in.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import DecryptionError, FormatError, SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.catalog_opening import iter_sealed_catalog
from portability.sealing.manifest import CATALOG, SEGMENTS, CatalogEntry, Piece, SealedFile
from portability.sealing.opening_segment import SegmentOpened, SegmentTask, Wanted, open_segment
from portability.sealing.workers import Workers

if TYPE_CHECKING:
    from portability.sealing.container import Container
    from portability.sealing.encryption import Identity
    from portability.sealing.manifest import SealedManifest
    from portability.sealing.selection import Selection
    from portability.staging import Staging

__all__ = ["Content", "Written", "iter_entries", "write_content"]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is opened and how; ``selection`` None means all of it."""

    container: Container
    manifest: SealedManifest
    identity: Identity = field(repr=False)
    selection: Selection | None = None
    workers: int = 2
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: how much, and of a selection also which files."""

    files: int
    size_bytes: int
    segments: int
    read_bytes: int
    entries: tuple[CatalogEntry, ...]


def iter_entries(content: Content) -> Iterator[CatalogEntry]:
    """Yield the catalog's entries that are asked for.

    Raises:
        SealError: The catalog is not one, or not the one that the manifest lists; what was yielded before must not be
            used.
        DecryptionError: It does not open with the deposit's key.
    """
    try:
        for entry in iter_sealed_catalog(content.container, content.manifest, content.identity, content.limits):
            if content.selection is None or entry in content.selection:
                yield entry
    except (DecryptionError, FormatError) as error:
        kind = DecryptionError if isinstance(error, DecryptionError) else SealError
        raise kind(error.message, place=error.place or CATALOG, hint=error.hint) from None


def write_content(content: Content, staging: Staging, target: Path) -> Written:
    """Write the files that are asked for below ``target``, which is inside ``staging``.

    Raises:
        PortabilityError: Something is not what manifest and catalog say, or cannot be written; what was written is
            no good.
    """
    if content.selection is not None:
        for _ in iter_entries(content):
            pass
        content.selection.require_all()  # before anything is written
    return _Writing(content, staging, target).run()


class _Writing:
    """One run of ``write_content``."""

    def __init__(self, content: Content, staging: Staging, target: Path) -> None:
        self._content = content
        self._staging = staging
        self._target = target
        self._sealed = {each.path: each for each in content.manifest.files if each.path.startswith(f"{SEGMENTS}/")}
        self._numbers: deque[int] = deque()  # of segments under way, in order
        self._sliced: deque[_Sliced] = deque()  # files in slices that are not yet whole, in order
        self._files, self._entries = 0, list[CatalogEntry]()

    def run(self) -> Written:
        segments = size = read = 0
        for done in self._results():
            segments, size, read = segments + 1, size + done.size_bytes, read + done.read_bytes
            self._content.progress(f"segment {segments:,} of {len(self._sealed):,}")
            self._hash_slices(self._numbers.popleft())
        if self._content.selection is None and segments != len(self._sealed):
            raise SealError("a segment holds nothing that the catalog names", place=SEGMENTS)
        return Written(
            files=self._files, size_bytes=size, segments=segments, read_bytes=read, entries=tuple(self._entries)
        )

    def _results(self) -> Iterator[SegmentOpened]:
        tasks = self._tasks()
        first = list(itertools.islice(tasks, 2))
        if len(first) < 2 or self._content.workers == 1:  # noqa: PLR2004 -- one segment is not worth a process
            yield from map(open_segment, itertools.chain(first, tasks))
            return
        with Workers(self._content.workers, keep_open=(self._staging.lock,)) as workers:
            yield from workers.run(open_segment, itertools.chain(first, tasks))

    def _tasks(self) -> Iterator[SegmentTask]:
        """Group what is wanted by segment; the catalog is in their order."""
        number, wanted = -1, list[Wanted]()
        for segment, each in self._wanted():
            if segment < number:
                raise SealError("is not in the order of the segments", place=CATALOG)
            if segment > number and wanted:
                yield self._task(number, wanted)
                wanted = []
            number = segment
            wanted.append(each)
            if len(wanted) > self._content.limits.segment_members_max:
                message = f"names more than {self._content.limits.segment_members_max} members of one segment"
                raise SealError(message, place=CATALOG)
        if wanted:
            yield self._task(number, wanted)

    def _wanted(self) -> Iterator[tuple[int, Wanted]]:
        for entry in iter_entries(self._content):
            self._files += 1
            if self._content.selection is not None:
                self._entries.append(entry)
            whole = entry.pieces[0].member.startswith("files/")
            if not whole:
                self._sliced.append(_Sliced(entry, self._target / entry.path))
            offset = 0
            for piece in entry.pieces:
                yield piece.segment, _wanted(entry, piece, offset, whole=whole)
                offset += piece.size_bytes

    def _task(self, number: int, wanted: list[Wanted]) -> SegmentTask:
        path = f"{SEGMENTS}/{number:06d}.age"
        sealed: SealedFile | None = self._sealed.get(path)
        if sealed is None or self._content.container.size(path) != sealed.size_bytes:
            raise SealError("is missing, or not of the size that the manifest says", place=path)
        self._numbers.append(number)
        return SegmentTask(
            path=path,
            located=self._content.container.locate(path),
            sha256=sealed.sha256 if self._content.selection is None else None,
            identity=self._content.identity,
            wanted=tuple(wanted),
            target=str(self._target),
            limits=self._content.limits,
        )

    def _hash_slices(self, number: int) -> None:
        while self._sliced and self._sliced[0].follow(number):
            self._sliced.popleft()


def _wanted(entry: CatalogEntry, piece: Piece, offset: int, *, whole: bool) -> Wanted:
    return Wanted(
        member=piece.member,
        path=entry.path,
        offset=offset,
        size_bytes=piece.size_bytes,
        sha256=entry.sha256 if whole else None,
    )


class _Sliced:
    """A file in slices: hashed as far as its slices are there."""

    def __init__(self, entry: CatalogEntry, file: Path) -> None:
        self._entry = entry
        self._file = file
        self._sha256 = hashlib.sha256()
        self._offset = 0
        self._pieces = deque(entry.pieces)

    def follow(self, number: int) -> bool:
        """Hash on up to this segment; return whether the file is whole, and then as the catalog says."""
        size = 0
        while self._pieces and self._pieces[0].segment <= number:
            size += self._pieces.popleft().size_bytes
        self._hash(size)
        if self._pieces:
            return False
        if self._sha256.hexdigest() != self._entry.sha256:
            raise SealError(f"gives {self._entry.path} another SHA-256 than its slices have", place=CATALOG)
        return True

    def _hash(self, size: int) -> None:
        if not size:
            return
        with self._file.open("rb") as stream:
            stream.seek(self._offset)
            left = size
            while left and (chunk := stream.read(min(left, DEFAULT_LIMITS.chunk_bytes))):
                self._sha256.update(chunk)
                left -= len(chunk)
        self._offset += size
