"""Judging a chain: each entry by itself, by its place, and by the checkpoints and anchors that signed it.

Nothing is believed: an entry's number, its hash, its predecessor's and the short hash that a checkpoint signed must all
agree. The report names the first entry that is not as it was written. What no checkpoint has signed yet can be cut
off or rewritten unseen by whoever owns the database; the report says where that begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portability.auditing.checkpoints import Checkpoint
from portability.auditing.clock import SKEW, moment_of
from portability.auditing.entries import GENESIS, entry_of
from portability.auditing.register import iter_register
from portability.auditing.signed import Fault, Signed, judge_checkpoints
from portability.auditing.silence import slot_hash
from portability.catalogue import Catalogue, canonical_text, moment_text, now, sha256_text
from portability.catalogue.audit_tables import (
    AuditRow,
    CheckpointRow,
    SlotRow,
    iter_checkpoints,
    iter_entries,
    iter_slots,
)
from portability.catalogue.operator_tables import OperatorStepRow, iter_operator_steps
from portability.errors import CatalogueError, CheckFailedError
from portability.limits import DEFAULT_LIMITS
from portability.signing import Trust

__all__ = ["ChainReport", "Fault", "Rows", "judge", "require_whole", "verify_chain"]


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """What was found; ``first_bad`` is the first entry that is not as it was written."""

    catalogue: str
    entries: int
    slots: int
    checkpoints: int
    anchors: int
    signed_until: int
    signed_at: str
    first_bad: int | None
    faults: tuple[Fault, ...]
    faults_total: int
    signers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults_total


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is judged, from a catalogue or from an exported file, which has no slots."""

    catalogue: str
    entries: Iterable[AuditRow]
    checkpoints: Sequence[CheckpointRow]
    steps: Sequence[OperatorStepRow]
    slots: Iterable[SlotRow] | None = None


def verify_chain(
    catalogue: Catalogue, trust: Trust | None = None, *, anchors: Sequence[CheckpointRow] = ()
) -> ChainReport:
    """Judge a catalogue's chain, its sealed chain and its register of operators.

    Args:
        catalogue: The open catalogue.
        trust: Whose checkpoints count; without it any right signature does, and the report says so.
        anchors: Checkpoints that were kept outside, as ``read_anchors`` reads them.

    Raises:
        CatalogueError: It cannot be read.
    """
    with catalogue.reading() as transaction:
        rows = Rows(
            catalogue=catalogue.id,
            entries=iter_entries(transaction),
            checkpoints=tuple(iter_checkpoints(transaction)),
            steps=tuple(iter_operator_steps(transaction)),
            slots=iter_slots(transaction),
        )
        return judge(rows, trust, anchors=anchors)


def require_whole(report: ChainReport) -> None:
    """Refuse a chain that is not whole.

    Raises:
        CheckFailedError: It is not; ``report`` is with it.
    """
    if report.is_whole:
        return
    first = report.faults[0]
    hint = "Nothing behind this place proves anything. Keep the catalogue as it is; compare it with copies and anchors."
    raise CheckFailedError(f"the audit chain is broken: {first.message}", report=report, place=first.place, hint=hint)


def judge(rows: Rows, trust: Trust | None, *, anchors: Sequence[CheckpointRow] = ()) -> ChainReport:
    """Judge rows, wherever they come from."""
    signed = judge_checkpoints(rows.catalogue, rows.checkpoints, anchors, trust)
    walk = _Walk(rows.catalogue, signed)
    for row in rows.entries:
        walk.entry(row)
    walk.finish()
    slots = 0 if rows.slots is None else walk.slots(rows.slots)
    walk.register(rows.steps)
    faults = sorted(walk.faults, key=lambda fault: (fault.sequence is None, fault.sequence or 0))
    last = signed.last
    return ChainReport(
        catalogue=rows.catalogue,
        entries=walk.count,
        slots=slots,
        checkpoints=len(rows.checkpoints),
        anchors=len(anchors),
        signed_until=last.sequence if last else 0,
        signed_at=moment_text(last.at) if last else "",
        first_bad=faults[0].sequence if faults else None,
        faults=tuple(faults[: DEFAULT_LIMITS.finding_examples]),
        faults_total=walk.total,
        signers=signed.signers,
        notes=(*signed.notes, *_notes(walk, last)),
    )


def _notes(walk: _Walk, last: Checkpoint | None) -> Iterable[str]:
    if last is None:
        yield "No checkpoint has been made: whoever owns the database could have rewritten everything."
        return
    if last.next_by < now():
        yield f"The next checkpoint was due by {moment_text(last.next_by)}."
    behind = walk.last_sequence - last.sequence
    if behind > 0:
        yield f"No checkpoint has signed the last {'entry' if behind == 1 else f'{behind} entries'} yet."


class _Walk:
    """Goes through the entries once, in order of their numbers."""

    def __init__(self, catalogue: str, signed: Signed) -> None:
        self._catalogue = catalogue
        self._signed = signed
        self._last: AuditRow | None = None
        self._steps: dict[str, int] = {}
        self._vouched = 0
        self._latest: datetime | None = None
        self.faults: list[Fault] = list(signed.faults)
        self.total = len(self.faults)
        self.count = 0

    @property
    def last_sequence(self) -> int:
        return 0 if self._last is None else self._last.sequence

    def entry(self, row: AuditRow) -> None:
        expected = self.last_sequence + 1
        if row.sequence != expected:
            self._fault(min(expected, row.sequence), "is missing" if row.sequence > expected else "stands out of order")
        self._by_itself(row)
        previous = GENESIS if self._last is None else self._last.hash
        if row.sequence == expected and row.previous != previous:
            self._unlinked(row)
        self._in_time(row)
        self.count += 1
        self._last = row

    def _in_time(self, row: AuditRow) -> None:
        """Find a clock that was set back; what it recorded may not have been allowed then."""
        moment = moment_of(row)
        if moment is None:
            return
        if self._latest is not None and moment < self._latest - SKEW:
            self._fault(row.sequence, "is earlier than an entry before it: a clock was set back, or one had run ahead")
        if moment > now() + SKEW and (self._latest is None or self._latest <= now() + SKEW):
            self._fault(row.sequence, "lies in the future: a clock ran ahead")
        self._latest = moment if self._latest is None else max(moment, self._latest)

    def _by_itself(self, row: AuditRow) -> None:
        digest = sha256_text(row.document)
        if not self._signed.agrees(row.sequence, digest):
            self._fault(row.sequence, f"is not what {self._signed.source(row.sequence)} signed")
        elif not self._vouched_for(row.sequence, digest):
            return
        elif digest != row.hash:
            self._fault(row.sequence, "was changed: its hash is another")
        else:
            self._content(row)

    def _vouched_for(self, sequence: int, digest: str) -> bool:
        """Compare with the whole hashes that were signed here; they vouch for every entry before this one too."""
        ends = self._signed.ends_at(sequence)
        other = [label for label, signed in ends if signed != digest]
        if other:
            reach = f", or one behind it up to {sequence}," if sequence > self._vouched + 1 else ""
            self._fault(self._vouched + 1, f"{reach} is not what {other[0]} signed".lstrip(", "))
        elif ends:
            self._vouched = sequence
        return not other

    def _content(self, row: AuditRow) -> None:
        try:
            plain: dict[str, Any] = json.loads(row.document)
            found = entry_of(row)
            stated = (plain["sequence"], plain["previous"], plain["catalogue"])
            if stated != (row.sequence, row.previous, self._catalogue) or canonical_text(plain) != row.document:
                self._fault(row.sequence, "says that it is another entry, or of another catalogue")
            step = found.details.get("step_sha256")
            if found.action.startswith("operator.") and isinstance(step, str):
                self._steps[step] = row.sequence
        except (ValueError, RecursionError):
            self._fault(row.sequence, "is no entry in its one form")

    def _unlinked(self, row: AuditRow) -> None:
        """Name the entry that does not follow, or the one before it where no checkpoint clears that of it."""
        before = row.sequence - 1
        if before < 1 or self._signed.covers(before):
            self._fault(row.sequence, "does not follow the entry before it")
        else:
            self._fault(before, "was changed, or the entry behind it was: they do not follow each other")

    def finish(self) -> None:
        """Find what was cut off at the end."""
        until = self._signed.until
        if self.last_sequence < until:
            source = self._signed.source(until)
            self._fault(self.last_sequence + 1, f"is missing: {source} signed entries up to {until}")

    def slots(self, rows: Iterable[SlotRow]) -> int:
        """Judge the sealed chain, and return how many slots it has."""
        position, previous = 0, GENESIS
        signed = dict(self._signed.slots)
        for row in rows:
            digest = slot_hash(self._catalogue, row.position, row.previous, row.ciphertext)
            if (row.position, row.previous, row.hash) != (position + 1, previous, digest):
                self._add(Fault(place=f"slot {position + 1}", message="of the sealed chain was changed or is missing"))
            signed.pop(digest, None)
            position, previous = row.position, row.hash
        for label in signed.values():
            self._add(Fault(place="sealed chain", message=f"what {label} signed of it is missing or was changed"))
        return position

    def register(self, rows: Sequence[OperatorStepRow]) -> None:
        """Compare the register with what the chain says of it."""
        try:
            for _ in iter_register(self._catalogue, rows):
                pass
        except CatalogueError as error:
            self._add(Fault(place=error.place, message=error.message))
        there = {sha256_text(row.document): row.number for row in rows}
        for step in there.keys() - self._steps.keys():
            self._add(Fault(place=f"operator step {there[step]}", message="is in no entry of the chain"))
        for step in self._steps.keys() - there.keys():
            self._add(Fault(place=f"audit entry {self._steps[step]}", message="its step of the register is missing"))

    def _fault(self, sequence: int, message: str) -> None:
        self._add(Fault(place=f"audit entry {sequence}", message=message, sequence=sequence))

    def _add(self, fault: Fault) -> None:
        self.total += 1
        if len(self.faults) < DEFAULT_LIMITS.reported_rows:
            self.faults.append(fault)
