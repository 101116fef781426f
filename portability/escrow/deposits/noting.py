"""The pieces of a deposit, noted beside the archive until its manifest is known, so that the catalogue is not held up.

One pass over them notes all and chooses a sample, which is then read again (``sampling``). Of a file in several pieces
that lie end to end the whole is noted too: a later deposit that has the same file finds it without cutting it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from portability.escrow.deposits.index_keys import Location
from portability.escrow.deposits.pieces import cut_file, iter_listed_files
from portability.escrow.deposits.sampling import Sample, Sampled
from portability.limits import Limits
from portability.sealing.differential import FileEntry, iter_entries

__all__ = ["iter_noted", "note_differential", "note_full"]


def note_full(noted: Path, archive: Path, limits: Limits) -> int:
    """Note the pieces of a full deposit; return how many bytes the archive has.

    Raises:
        SealError: The archive is not what its manifests list, or a piece is not what was noted.
    """
    sample, octets = Sample(limits.sampled_pieces), 0
    with noted.open("x", encoding="ascii") as stream:
        for file in iter_listed_files(archive, limits):
            octets += file.size_bytes
            pieces = cut_file(archive, file, limits).pieces
            for cut in pieces:
                _write(stream, cut.sha256, Location(path=file.path, offset=cut.offset, size_bytes=cut.size_bytes))
                sample.add(Sampled(file.path, cut.offset, cut.size_bytes, cut.sha256))
            if len(pieces) > 1:
                _write(stream, file.sha256, Location(path=file.path, offset=0, size_bytes=file.size_bytes))
    sample.check(archive)
    return octets


def note_differential(noted: Path, archive: Path, bag: Path, sequence: int, limits: Limits) -> None:
    """Note the pieces that a differential deposit's bag carries; referenced ones are sampled too.

    Raises:
        FormatError: The index was not written as it is read.
        SealError: A piece is not what the index says.
    """
    sample = Sample(limits.sampled_pieces)
    with noted.open("x", encoding="ascii") as stream:
        for entry in iter_entries(bag, limits):
            offset = 0
            for piece in entry.pieces:
                own = None
                if piece.deposit == sequence:
                    own = Location(path=piece.path, offset=piece.offset, size_bytes=piece.size_bytes)
                    _write(stream, piece.sha256, own)
                sample.add(Sampled(entry.path, offset, piece.size_bytes, piece.sha256, own))
                offset += piece.size_bytes
            if (whole := _whole(entry, sequence)) is not None:
                _write(stream, entry.sha256, whole)
    sample.check(archive, bag)


def _whole(entry: FileEntry, sequence: int) -> Location | None:
    """Return where all of a file lies end to end in this deposit; None when it is one piece, or does not."""
    if len(entry.pieces) < 2:  # noqa: PLR2004 -- one piece is noted as it is
        return None
    first = entry.pieces[0]
    end = first.offset
    for piece in entry.pieces:
        if (piece.deposit, piece.path, piece.offset) != (sequence, first.path, end):
            return None
        end += piece.size_bytes
    return Location(path=first.path, offset=first.offset, size_bytes=entry.size_bytes)


def iter_noted(noted: Path) -> Iterator[tuple[str, Location]]:
    """Yield what was noted; a piece may come twice."""
    with noted.open(encoding="ascii") as stream:
        for line in stream:
            sha256, offset, size, path = line.rstrip("\n").split(" ", 3)
            yield sha256, Location(path=path, offset=int(offset), size_bytes=int(size))


def _write(stream: TextIO, sha256: str, location: Location) -> None:
    stream.write(f"{sha256} {location.offset} {location.size_bytes} {location.path}\n")
