"""Which deposits may go: pure reckoning over what was received, without looking at a disk or a clock.

Windows count from the receipt, which the agent gives, not from the time that the vendor signs. Whatever the windows
say, these stay: the newest deposit that is good, the newest full one that is good with all that follows it, every
deposit that a kept one builds on, and what is held. Where no full deposit is good, nothing goes. Good is what passed,
lies there whole still, and builds on nothing else: without its base a differential opens for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portability.escrow.receiving.agreements import Keep
from portability.escrow.receiving.receipts import Receipt
from portability.sealing.contradictions import parse_time

__all__ = ["Fate", "Plan", "plan_retention"]

HELD = "held"
_PERIODS = {"daily": "%Y-%m-%d", "weekly": "%G-W%V", "monthly": "%Y-%m", "yearly": "%Y"}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of a deposit: deleted when there is no reason to keep it."""

    agreement: str
    sequence: int
    manifest_sha256: str
    size_bytes: int
    received_at: str
    reasons: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether it stays."""
        return bool(self.reasons)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The fate of every deposit of an agreement, by number."""

    agreement: str
    fates: tuple[Fate, ...]

    @property
    def deleted(self) -> tuple[Fate, ...]:
        """What goes, in the order of deletion: the newest first, so that nothing stays whose base is gone."""
        return tuple(each for each in reversed(self.fates) if not each.kept)


def plan_retention(
    agreement: str,
    receipts: Iterable[Receipt],
    keep: Keep,
    *,
    now: datetime,
    held: frozenset[int] = frozenset(),
    requested: frozenset[int] = frozenset(),
) -> Plan:
    """Plan the retention of one agreement.

    Args:
        agreement: Its name.
        receipts: Of the deposits that lie there; one that is not whole any more counts as failed.
        keep: The windows agreed.
        now: The moment they are counted back from.
        held: Numbers that must stay whatever else is said.
        requested: Numbers that the depositor asked to be deleted before their time.
    """
    present = sorted(receipts, key=lambda each: each.sequence)
    good = _good(present)
    reasons: dict[int, list[str]] = {each.sequence: [] for each in present}
    for sequence, reason in _by_window(present, good, keep, now):
        if sequence not in requested:
            reasons[sequence].append(reason)
    for sequence in held & reasons.keys():
        reasons[sequence].append(HELD)
    for sequence, reason in _always(present, good):
        reasons[sequence].append(reason)
    _keep_bases(present, reasons)
    fates = tuple(
        Fate(
            agreement=agreement,
            sequence=each.sequence,
            manifest_sha256=each.manifest_sha256,
            size_bytes=each.size_bytes,
            received_at=each.received_at,
            reasons=tuple(reasons[each.sequence]),
        )
        for each in present
    )
    return Plan(agreement=agreement, fates=fates)


def _by_window(
    present: Sequence[Receipt], good: frozenset[int], keep: Keep, now: datetime
) -> Iterable[tuple[int, str]]:
    received = {each.sequence: _received(each) for each in present}
    for each in present:
        if received[each.sequence] > keep.within.before(now):
            yield each.sequence, "within"
    for window, form in _PERIODS.items():
        duration = getattr(keep, window)
        if duration is None:
            continue
        # Only a good one can stand for its day: a failed deposit must not push it out.
        last = {received[e.sequence].strftime(form): e.sequence for e in present if e.sequence in good}
        for sequence in last.values():
            if received[sequence] > duration.before(now):
                yield sequence, window


def _received(receipt: Receipt) -> datetime:
    moment = parse_time(receipt.received_at)
    if moment is None:
        raise ValueError(f"the receipt {receipt.sequence} has no time")
    return moment


def _good(present: Sequence[Receipt]) -> frozenset[int]:
    """Return what opens still: it passed, and so did its base and all of its chain between."""
    passed = {each.sequence for each in present if each.passed}
    by_hash = {each.manifest_sha256: each.sequence for each in present}
    found = set()
    for each in present:
        base = None if each.chain is None else each.chain.base_sha256
        first = each.sequence if base is None else by_hash.get(base)
        if first is not None and all(
            one.sequence in passed or not one.head for one in present if first <= one.sequence <= each.sequence
        ):
            found.add(each.sequence)
    return frozenset(found & passed)


def _always(present: Sequence[Receipt], good: frozenset[int]) -> Iterable[tuple[int, str]]:
    passed = [each for each in present if each.sequence in good]
    fulls = [each for each in passed if each.chain is not None and each.chain.kind == "full"]
    if not fulls:
        yield from ((each.sequence, "no full deposit has passed") for each in present)
        return
    yield passed[-1].sequence, "newest"
    yield fulls[-1].sequence, "newest full"
    # What comes after the newest full is the way to today, and a failed one among it shows what is wrong today.
    yield from ((each.sequence, "since the newest full") for each in present if each.sequence > fulls[-1].sequence)


def _keep_bases(present: Sequence[Receipt], reasons: dict[int, list[str]]) -> None:
    """Keep, for each differential that stays, its full deposit and all between: it may refer to any of them.

    The newest first, so that what is kept as a base keeps its own.
    """
    by_hash = {each.manifest_sha256: each.sequence for each in present}
    for each in reversed(present):
        if not reasons[each.sequence] or each.chain is None or each.chain.base_sha256 is None:
            continue
        base = by_hash.get(each.chain.base_sha256, 1)
        for other in present:
            if base <= other.sequence < each.sequence:
                reasons[other.sequence].append(f"base of {each.sequence}")
