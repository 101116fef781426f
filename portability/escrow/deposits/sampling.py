"""A random sample of a deposit's pieces, read again by other means before it is sealed: a lying index is caught here.

While the plaintext is at hand it is compared with what the index says: new pieces with the bytes that were packed,
referenced ones with the archive's own bytes at their place in the new archive. Later nobody without a recipient's key
can read back what a deposit holds; from then on the rows' own authenticity speaks for them, and whoever assembles
checks every piece.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from portability.errors import SealError
from portability.escrow.deposits.index_keys import Location
from portability.limits import Limits
from portability.sealing.differential import FileEntry, PieceEntry, iter_entries

__all__ = ["check_bag_sample", "check_sample"]

_T = TypeVar("_T")
_HINT = "Run it again. If it happens again, the disk or the memory of this machine is faulty."


def check_sample(archive: Path, pieces: Iterable[tuple[str, Location]], limits: Limits) -> int:
    """Read some pieces of a full deposit again; return how many.

    Raises:
        SealError: One is not what was noted.
    """
    chosen = _chosen(pieces, limits.sampled_pieces)
    for sha256, location in chosen:
        _check(archive / location.path, location.offset, location.size_bytes, sha256, location.path)
    return len(chosen)


def check_bag_sample(archive: Path, bag: Path, sequence: int, limits: Limits) -> int:
    """Read some pieces of a differential deposit again, in the archive and, the new ones, in the bag; return how many.

    Raises:
        SealError: One is not what the index says.
    """
    chosen = _chosen(_placed(iter_entries(bag, limits)), limits.sampled_pieces)
    for path, offset, piece in chosen:
        _check(archive / path, offset, piece.size_bytes, piece.sha256, path)
        if piece.deposit == sequence:
            _check(bag / piece.path, piece.offset, piece.size_bytes, piece.sha256, path)
    return len(chosen)


def _placed(entries: Iterator[FileEntry]) -> Iterator[tuple[str, int, PieceEntry]]:
    for entry in entries:
        offset = 0
        for piece in entry.pieces:
            yield entry.path, offset, piece
            offset += piece.size_bytes


def _chosen(items: Iterable[_T], size: int) -> list[_T]:
    """Choose without knowing how many there are (reservoir sampling); nobody can know beforehand which."""
    randomly, chosen = secrets.SystemRandom(), list[_T]()
    for number, item in enumerate(items):
        if number < size:
            chosen.append(item)
        elif (place := randomly.randrange(number + 1)) < size:
            chosen[place] = item
    return chosen


def _check(file: Path, offset: int, size: int, sha256: str, path: str) -> None:
    digest, left = hashlib.sha256(), size
    with file.open("rb") as stream:
        stream.seek(offset)
        while left and (data := stream.read(min(left, 1024 * 1024))):
            digest.update(data)
            left -= len(data)
    if left or digest.hexdigest() != sha256:
        raise SealError("a piece is not what the index says, read again", place=path, hint=_HINT)
