"""A random sample of a deposit's pieces, read again by other means before it is sealed: a lying index is caught here.

While the plaintext is at hand it is compared with what the index says: new pieces with the bytes that were packed,
referenced ones with the archive's own bytes at their place in the new archive. Later nobody without a recipient's key
can read back what a deposit holds; from then on the rows' own authenticity speaks for them, and whoever assembles
checks every piece.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from portability.errors import SealError
from portability.escrow.deposits.index_keys import Location

__all__ = ["Sample", "Sampled"]

_HINT = "Run it again. If it happens again, the disk or the memory of this machine is faulty."


@dataclass(frozen=True, slots=True)
class Sampled:
    """A piece at its place in the archive, and, of a new one, at its place in the bag of a differential deposit."""

    path: str
    offset: int
    size_bytes: int
    sha256: str
    packed: Location | None = None


class Sample:
    """Pieces chosen without knowing how many there are (reservoir sampling); nobody can know beforehand which."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen = 0
        self._chosen: list[Sampled] = []

    def add(self, piece: Sampled) -> None:
        """Choose it, or not."""
        self._seen += 1
        if self._seen <= self._size:
            self._chosen.append(piece)
        elif (place := secrets.randbelow(self._seen)) < self._size:
            self._chosen[place] = piece

    def check(self, archive: Path, bag: Path | None = None) -> int:
        """Read the chosen pieces again; return how many.

        Raises:
            SealError: One is not what the index says.
        """
        for piece in self._chosen:
            _check(archive / piece.path, piece.offset, piece)
            if bag is not None and piece.packed is not None:
                _check(bag / piece.packed.path, piece.packed.offset, piece)
        return len(self._chosen)


def _check(file: Path, offset: int, piece: Sampled) -> None:
    digest, left = hashlib.sha256(), piece.size_bytes
    with file.open("rb") as stream:
        stream.seek(offset)
        while left and (data := stream.read(min(left, 1024 * 1024))):
            digest.update(data)
            left -= len(data)
    if left or digest.hexdigest() != piece.sha256:
        raise SealError("a piece is not what the index says, read again", place=piece.path, hint=_HINT)
