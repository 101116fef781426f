"""The content of a sealed archive: the archive's files in path order -> segments, by workers, and the catalog.

Each file's bytes are compared with what the archive's own manifest says of them, as they pass.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from portability.limits import Limits
from portability.sealing.catalog_writing import CatalogWriter
from portability.sealing.container_writing import SealedForm
from portability.sealing.encryption import PublicKey
from portability.sealing.fixity import ARCHIVE_SIGNATURE, ArchiveHashes, check_hash
from portability.sealing.manifest import CATALOG, SEGMENTS, CatalogEntry, Piece, SealedFile
from portability.sealing.planning import PlannedSegment, SealedSource, iter_files, plan_segments
from portability.sealing.segments import SealedSegment, SegmentTask, seal_segment
from portability.sealing.slices import SliceHashes
from portability.sealing.workers import Workers

__all__ = ["SealedContent", "seal_content"]


@dataclass(frozen=True, kw_only=True)
class SealedContent:
    """What was written: segments and the catalog; and what is in them.

    ``archive_signed`` is whether the archive has a signature of its own, which nobody has looked into.
    """

    written: tuple[SealedFile, ...]
    files: int
    size_bytes: int
    archive_signed: bool

    @property
    def segments(self) -> int:
        """How many of the files are segments."""
        return len(self.written) - 1


def seal_content(
    archive: Path,
    form: SealedForm,
    recipient: PublicKey,
    *,
    workers: Workers,
    limits: Limits,
    progress: Callable[[str], None],
) -> SealedContent:
    """Write an archive's segments and its catalog.

    Raises:
        SealError: The archive is not what its manifest says, changed meanwhile, or the disk refused.
    """
    with CatalogWriter(form.place(CATALOG), recipient, limits) as catalog, SliceHashes(archive) as slices:
        content = _Content(archive, limits, catalog, slices)
        written = []
        for sealed in _sealed(workers, content.tasks(form, recipient)):
            written.append(content.take(sealed, form))
            progress(f"sealed {len(written)} segments, {content.size_bytes:,} bytes of the archive")
        content.finish()
        written.append(catalog.finish())
    form.take(CATALOG)
    return SealedContent(
        written=tuple(written),
        files=content.files,
        size_bytes=content.size_bytes,
        archive_signed=content.archive_signed,
    )


def _sealed(workers: Workers, tasks: Iterator[SegmentTask]) -> Iterator[SealedSegment]:
    first = list(itertools.islice(tasks, 2))
    if len(first) < 2:  # noqa: PLR2004 -- one segment is not worth a process
        yield from map(seal_segment, first)
    else:
        yield from workers.run(seal_segment, itertools.chain(first, tasks))


class _Content:
    """What is planned and not yet sealed, and the file in which the last segment ended."""

    def __init__(self, archive: Path, limits: Limits, catalog: CatalogWriter, slices: SliceHashes) -> None:
        self._archive = archive
        self._limits = limits
        self._catalog = catalog
        self._slices = slices
        self._hashes = ArchiveHashes(archive, limits)
        self._expected: dict[str, str] = {}
        self._planned: deque[PlannedSegment] = deque()
        self._pieces: list[Piece] = []
        self._piece_hashes: list[str] = []
        self.files = 0
        self.size_bytes = 0
        self.archive_signed = False

    def tasks(self, form: SealedForm, recipient: PublicKey) -> Iterator[SegmentTask]:
        """Plan segments as workers ask for them."""
        for segment in plan_segments(self._sources(), self._limits):
            self._planned.append(segment)
            self._slices.expect(segment.members)
            yield SegmentTask(
                root=str(self._archive),
                slice_key=self._slices.key,
                members=segment.members,
                recipient=recipient.text,
                target=str(form.place(_path(segment))),
            )

    def _sources(self) -> Iterator[SealedSource]:
        for source in iter_files(self._archive, self._limits):
            self._expected[source.path] = self._hashes.expect(source.path)
            yield source

    def take(self, sealed: SealedSegment, form: SealedForm) -> SealedFile:
        """Make the next segment part of the sealed archive, and its files of the catalog."""
        segment = self._planned.popleft()
        path = _path(segment)
        form.take(path)
        for member, sha256 in zip(segment.members, sealed.hashes, strict=True):
            self._pieces.append(Piece(segment=segment.number, member=member.name, size_bytes=member.size_bytes))
            self._piece_hashes.append(sha256)
            if member.last:
                self._finish_file(member.source)
        return SealedFile(path=path, size_bytes=sealed.size_bytes, sha256=sealed.sha256, plain_bytes=sealed.plain_bytes)

    def _finish_file(self, source: SealedSource) -> None:
        sliced = len(self._pieces) > 1
        sha256 = self._slices.whole_sha256(source.path, self._piece_hashes) if sliced else self._piece_hashes[0]
        check_hash(source.path, expected=self._expected.pop(source.path), found=sha256)
        self._catalog.add(
            CatalogEntry(path=source.path, size_bytes=source.size_bytes, sha256=sha256, pieces=tuple(self._pieces))
        )
        self._pieces.clear()
        self._piece_hashes.clear()
        self.files += 1
        self.size_bytes += source.size_bytes
        self.archive_signed |= source.path == ARCHIVE_SIGNATURE

    def finish(self) -> None:
        """Refuse an archive that lists more than was sealed."""
        self._hashes.finish()


def _path(segment: PlannedSegment) -> str:
    return f"{SEGMENTS}/{segment.number:06d}.age"
