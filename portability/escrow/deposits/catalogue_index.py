"""The index of pieces as the catalogue keeps it: asked for pieces, filled with those of a new deposit.

Only deposits that were found whole in the depositories may be leaned on. A row that is not authentic, or that belongs
to another deposit, makes the whole index unbelievable (``IndexLostError``): the deposit is full then, and never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from portability.catalogue.deposits import PieceRow, find_pieces
from portability.escrow.deposits.index_keys import IndexKeys, Location
from portability.escrow.deposits.writing import Held

if TYPE_CHECKING:
    from portability.catalogue import Catalogue
    from portability.limits import Limits

__all__ = ["CatalogueIndex", "IndexLostError", "sealed_rows"]


class IndexLostError(Exception):
    """The index cannot be believed; whoever asked makes a full deposit."""


class CatalogueIndex:
    """The pieces of one chain since its base."""

    def __init__(
        self, catalogue: Catalogue, keys: IndexKeys, agreement: str, manifests: Mapping[int, str], limits: Limits
    ) -> None:
        self.manifests = manifests
        self._catalogue = catalogue
        self._keys = keys
        self._agreement = agreement
        self._base = min(manifests)
        self._limits = limits

    def find(self, hashes: list[str]) -> dict[str, Held]:
        """Return where those of the pieces lie that a deposit of the chain carries.

        Raises:
            IndexLostError: A row was not written by us for this piece and this deposit.
        """
        found: dict[str, Held] = {}
        for start in range(0, len(hashes), self._limits.piece_lookups):
            asked = {self._keys.piece_key(each): each for each in hashes[start : start + self._limits.piece_lookups]}
            with self._catalogue.reading() as transaction:
                rows = find_pieces(transaction, self._agreement, self._base, list(asked))
            for row in rows:
                held = self._held(row)
                if held is not None:
                    found[asked[row.piece_key]] = held
        return found

    def _held(self, row: PieceRow) -> Held | None:
        manifest = self.manifests.get(row.sequence)
        if manifest is None:  # of a deposit that is not, or not any more, one to lean on
            return None
        location = self._keys.open(row.piece_key, manifest, row.location)
        if location is None:
            raise IndexLostError("the index of pieces is not as it was written")
        return Held(sequence=row.sequence, location=location)


def sealed_rows(
    pieces: Iterable[tuple[str, Location]], keys: IndexKeys, *, sequence: int, manifest_sha256: str
) -> Iterator[PieceRow]:
    """Yield the rows of the pieces that a deposit carries."""
    for sha256, location in pieces:
        name = keys.piece_key(sha256)
        yield PieceRow(name, sequence, keys.seal(name, manifest_sha256, location))
