"""Writing a differential deposit's bag: what no earlier deposit carries, packed, and the index of all of the archive.

The archive is read as far as it is new. The export that wrote it hashed every file of it; a file whose hash an earlier
deposit carries, document or table, is not read again. A random sample of all is (``sampling``).
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import BinaryIO, Protocol

from portability.archive import DATA
from portability.errors import SealError
from portability.escrow.deposits.index_keys import Location
from portability.escrow.deposits.pieces import Cut, CutFile, ListedFile, cut_file, iter_listed_files
from portability.formats.bag import write_bag
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.differential import (
    INDEX,
    OBJECTS,
    DifferentialHeader,
    FileEntry,
    PieceEntry,
    Referenced,
    to_line,
)

__all__ = ["BagRequest", "Held", "Index", "WrittenBag", "write_differential"]

_TEMPLATES = resources.files(__package__) / "templates"
_SCRIPT, _NOTE = "assemble.sh", "assemble.md"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A piece that an earlier deposit carries, and where."""

    sequence: int
    location: Location


class Index(Protocol):
    """What earlier deposits of the chain carry."""

    manifests: Mapping[int, str]  # of those that may be leaned on, by sequence

    def find(self, hashes: list[str]) -> dict[str, Held]:
        """Return where those of the pieces lie that an earlier deposit carries."""


@dataclass(frozen=True, kw_only=True)
class BagRequest:
    """The archive, the new bag's folder, and the deposit's place in its chain."""

    archive: Path
    bag: Path
    index: Index
    agreement: str
    sequence: int
    info: Mapping[str, str]
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class WrittenBag:
    """What was written: how much of the archive is new, and which deposits it leans on."""

    files: int
    octets: int
    new_octets: int
    needed: tuple[int, ...]


def write_differential(request: BagRequest) -> WrittenBag:
    """Write the bag of a differential deposit.

    Raises:
        SealError: The archive is not what its manifests say.
        OSError: The disk refuses.
    """
    (request.bag / OBJECTS).mkdir(parents=True)
    body = request.bag / "entries"
    with ExitStack() as stack, body.open("xb") as lines:
        packing = _Packing(request, stack)
        for entry in packing.entries():
            lines.write(to_line(entry))
            if packing.files % 1_000 == 0:
                request.progress(f"{packing.files:,} files compared, {packing.new_octets:,} new bytes")
    header = packing.header()
    with (request.bag / INDEX).open("xb") as index, body.open("rb") as lines:
        index.write(to_line(header))
        shutil.copyfileobj(lines, index, request.limits.chunk_bytes)
    body.unlink()
    for name in (_SCRIPT, _NOTE):
        (request.bag / DATA / name).write_bytes((_TEMPLATES / name).read_bytes())
    write_bag(request.bag, info=request.info)
    return WrittenBag(files=header.files, octets=header.octets, new_octets=packing.new_octets, needed=header.needed)


class _Packing:
    """Files of the archive on their way into the index, and the pack that new pieces go into."""

    def __init__(self, request: BagRequest, stack: ExitStack) -> None:
        self._request = request
        self._stack = stack
        self._new: dict[str, PieceEntry] = {}
        self._packs = 0
        self._pack: BinaryIO | None = None
        self._filled = 0
        self._needed: set[int] = set()
        self.files = 0
        self.octets = 0
        self.new_octets = 0

    def entries(self) -> Iterator[FileEntry]:
        """Yield every file of the archive with its pieces, new ones being packed on the way."""
        archive, limits = self._request.archive, self._request.limits
        for page in _pages(iter_listed_files(archive, limits), limits):
            held = self._request.index.find([file.sha256 for file in page if file.size_bytes])
            for file in page:
                self.files += 1
                self.octets += file.size_bytes
                yield FileEntry(
                    path=file.path, pieces=self._pieces(file, held), sha256=file.sha256, size_bytes=file.size_bytes
                )

    def _pieces(self, file: ListedFile, held: Mapping[str, Held]) -> tuple[PieceEntry, ...]:
        if _is_held(file, held):
            cut = CutFile(file, file.whole)
        else:
            cut = cut_file(self._request.archive, file, self._request.limits)
            if cut.pieces != file.whole:
                held = self._request.index.find([each.sha256 for each in cut.pieces if each.sha256 not in self._new])
        return tuple(self._piece(file, each, held) for each in cut.pieces)

    def header(self) -> DifferentialHeader:
        """Return the first line."""
        manifests = self._request.index.manifests
        # The base is named in any case: an archive that shares nothing with it is still not a full deposit.
        needed = sorted(self._needed | {min(manifests)})
        return DifferentialHeader(
            agreement=self._request.agreement,
            deposits=tuple(Referenced(manifest_sha256=manifests[each], sequence=each) for each in needed),
            files=self.files,
            octets=self.octets,
            sequence=self._request.sequence,
        )

    def _piece(self, file: ListedFile, cut: Cut, held: Mapping[str, Held]) -> PieceEntry:
        found = held.get(cut.sha256)
        if found is not None and found.location.size_bytes == cut.size_bytes:
            self._needed.add(found.sequence)
            return PieceEntry(
                deposit=found.sequence,
                offset=found.location.offset,
                path=found.location.path,
                sha256=cut.sha256,
                size_bytes=cut.size_bytes,
            )
        if cut.sha256 not in self._new:
            self._new[cut.sha256] = self._pack_piece(file, cut)
        return self._new[cut.sha256]

    def _pack_piece(self, file: ListedFile, cut: Cut) -> PieceEntry:
        pack, limits = self._pack, self._request.limits
        if pack is None or (self._filled and self._filled + cut.size_bytes > limits.differential_pack_bytes):
            self._stack.close()
            path = self._request.bag / OBJECTS / f"{self._packs:06d}"
            pack = self._pack = self._stack.enter_context(path.open("xb"))
            self._packs, self._filled = self._packs + 1, 0
        offset = self._filled
        _copy(self._request.archive / file.path, file.path, cut, pack, limits)
        self._filled += cut.size_bytes
        self.new_octets += cut.size_bytes
        return PieceEntry(
            deposit=self._request.sequence,
            offset=offset,
            path=f"{OBJECTS}/{self._packs - 1:06d}",
            sha256=cut.sha256,
            size_bytes=cut.size_bytes,
        )


def _copy(source: Path, path: str, cut: Cut, pack: BinaryIO, limits: Limits) -> None:
    digest, left = hashlib.sha256(), cut.size_bytes
    with source.open("rb") as stream:
        stream.seek(cut.offset)
        while left and (data := stream.read(min(left, limits.chunk_bytes))):
            digest.update(data)
            pack.write(data)
            left -= len(data)
    if left or digest.hexdigest() != cut.sha256:
        raise SealError("is not what the archive's manifest says: its SHA-256 differs", place=path)


def _is_held(file: ListedFile, held: Mapping[str, Held]) -> bool:
    found = held.get(file.sha256)
    return found is not None and found.location.size_bytes == file.size_bytes


def _pages(files: Iterator[ListedFile], limits: Limits) -> Iterator[list[ListedFile]]:
    """Yield files in groups that are looked up together."""
    while page := list(itertools.islice(files, limits.piece_lookups)):
        yield page
