"""What checkpoints and anchors vouch for: their own chain, their signatures, and the short hash of every entry."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portability.auditing.checkpoints import PREFIX, Checkpoint, parse_checkpoint
from portability.auditing.entries import GENESIS
from portability.catalogue import sha256_text
from portability.catalogue.audit_tables import CheckpointRow
from portability.errors import CatalogueError, SignatureError
from portability.signing import AUDIT_NAMESPACE, Trust, check_signature, judged_at

__all__ = ["Fault", "Signed", "judge_checkpoints"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is not as it was written, and where; ``sequence`` is an entry's number."""

    place: str
    message: str
    sequence: int | None = None


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The checkpoints and anchors that are right, and what is wrong with the others."""

    checkpoints: tuple[tuple[str, Checkpoint], ...] = ()
    faults: tuple[Fault, ...] = ()
    signers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _ends: tuple[int, ...] = field(default=())

    @property
    def last(self) -> Checkpoint | None:
        """The one that reaches furthest."""
        return self.checkpoints[-1][1] if self.checkpoints else None

    @property
    def until(self) -> int:
        """The last entry that is signed."""
        return self.checkpoints[-1][1].sequence if self.checkpoints else 0

    @property
    def slots(self) -> dict[str, str]:
        """The hashes of slots of the sealed chain that are signed, and what signed each."""
        return {one.sealed_hash: label for label, one in self.checkpoints if one.sealed_hash != GENESIS}

    def covers(self, sequence: int) -> bool:
        """Tell whether a checkpoint has the short hash of an entry."""
        return self._covering(sequence) is not None

    def agrees(self, sequence: int, digest: str) -> bool:
        """Tell whether an entry's short hash is what was signed; true as well where nothing was."""
        found = self._covering(sequence)
        return found is None or digest[:PREFIX] == found[1].prefix(sequence)

    def ends_at(self, sequence: int) -> list[tuple[str, str]]:
        """Return what signed this entry as its last, and the whole hash that each has of it."""
        between = self.checkpoints[bisect_left(self._ends, sequence) : bisect_right(self._ends, sequence)]
        return [(label, one.hash) for label, one in between]

    def source(self, sequence: int) -> str:
        """Name the checkpoint that signed an entry."""
        found = self._covering(sequence)
        return "nobody" if found is None else found[0]

    def _covering(self, sequence: int) -> tuple[str, Checkpoint] | None:
        at = bisect_left(self._ends, sequence)
        for label, one in self.checkpoints[at : at + 2]:  # an anchor and its checkpoint end alike
            if one.first <= sequence <= one.sequence:
                return label, one
        return None


def judge_checkpoints(
    catalogue: str, rows: Sequence[CheckpointRow], anchors: Sequence[CheckpointRow], trust: Trust | None
) -> Signed:
    """Check signatures and order of checkpoints, and that each anchor is among them."""
    faults: list[Fault] = []
    signers: dict[str, None] = {}
    found: dict[int, tuple[str, Checkpoint]] = {}
    for row in anchors:
        label = f"the anchor of checkpoint {row.number}"
        one = _admitted(catalogue, row, label, trust, faults, signers)
        if one is not None:
            found[one.number] = (label, one)
    found = {**_in_catalogue(catalogue, rows, found, trust, faults, signers), **found}
    for missing in sorted({row.number for row in anchors} - {row.number for row in rows}):
        message = "is missing, but was anchored outside: the catalogue was rolled back or cut"
        faults.append(Fault(place=f"checkpoint {missing}", message=message))
    ordered = tuple(sorted(found.values(), key=lambda each: (each[1].sequence, each[1].number)))
    notes = () if trust or not ordered else ("Nobody was named whose checkpoints count (--trust): any key's did.",)
    return Signed(
        checkpoints=ordered,
        faults=tuple(faults),
        signers=tuple(signers),
        notes=notes,
        _ends=tuple(one.sequence for _, one in ordered),
    )


def _in_catalogue(
    catalogue: str,
    rows: Sequence[CheckpointRow],
    anchored: Mapping[int, tuple[str, Checkpoint]],
    trust: Trust | None,
    faults: list[Fault],
    signers: dict[str, None],
) -> dict[int, tuple[str, Checkpoint]]:
    """Return the catalogue's own checkpoints that are right and at odds with no anchor."""
    found: dict[int, tuple[str, Checkpoint]] = {}
    previous = GENESIS
    for number, row in enumerate(rows, 1):
        label, digest = f"checkpoint {row.number}", sha256_text(row.document)
        one = _admitted(catalogue, row, label, trust, faults, signers)
        if one is not None:
            same, behind = anchored.get(row.number), anchored.get(row.number + 1)
            if (one.number, one.previous) != (number, previous):
                faults.append(Fault(place=label, message="does not follow the checkpoint before it"))
            if (same and same[1].row.document != row.document) or (behind and behind[1].previous != digest):
                faults.append(Fault(place=label, message="is another than the one that was anchored outside"))
            else:
                found[one.number] = (label, one)
        previous = digest
    return found


def _admitted(
    catalogue: str,
    row: CheckpointRow,
    label: str,
    trust: Trust | None,
    faults: list[Fault],
    signers: dict[str, None],
) -> Checkpoint | None:
    content, signature = row.document.encode(), row.signature.encode()
    try:
        one = parse_checkpoint(row)
        if one.catalogue != catalogue:
            raise CatalogueError("is of another catalogue")  # noqa: TRY301
        if trust is None:
            signers[check_signature(content, signature, namespace=AUDIT_NAMESPACE).fingerprint] = None
        else:
            signer = trust.verify(content, signature, namespace=AUDIT_NAMESPACE, at=judged_at(one.at))
            signers[f"{signer.principals} {signer.fingerprint}"] = None
    except (CatalogueError, SignatureError) as error:
        faults.append(Fault(place=label, message=error.message))
        return None
    return one
