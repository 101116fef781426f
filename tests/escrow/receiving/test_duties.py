"""Which agreed checks are overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portability.escrow.jobs_shapes import Verification
from portability.escrow.status.duties import Checkable, Proof, overdue_checks

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY_S = 86_400
WITHIN = Verification(level="v3", by="ann", within_s=2 * DAY_S)
EVERY = Verification(level="v4", by="ann", every_s=30 * DAY_S)


def _at(days: float) -> datetime:
    return BEGAN + timedelta(days=days)


def _nightly(count: int) -> list[Checkable]:
    return [Checkable(sequence=number + 1, sealed_at=_at(number)) for number in range(count)]


def _proof(level: str, sequence: int, days: float) -> Proof:
    return Proof(level=level, sequence=sequence, at=_at(days))


CASES = {
    "not yet": (WITHIN, 1, [], 2, ""),
    "a moment late": (WITHIN, 1, [], 2.1, "2026-03-04 09:00"),
    "a new deposit every night puts nothing off": (WITHIN, 9, [], 8, "2026-03-04 09:00"),
    "all checked": (WITHIN, 9, [_proof("v3", 9, 8)], 90, ""),
    "checked higher": (WITHIN, 9, [_proof("v4", 9, 8)], 90, ""),
    "checked lower": (WITHIN, 1, [_proof("v2", 1, 1)], 3, "2026-03-04 09:00"),
    "checked up to the fifth": (WITHIN, 9, [_proof("v3", 5, 5)], 8, "2026-03-09 09:00"),
    "every, never done": (EVERY, 2, [], 31, "2026-04-01 09:00"),
    "every, not yet": (EVERY, 2, [], 30, ""),
    "every, done": (EVERY, 2, [_proof("v4", 1, 20)], 49, ""),
    "every, done long ago": (EVERY, 2, [_proof("v4", 1, 20)], 51, "2026-04-21 09:00"),
    "attested by people": (Verification(level="v5", by="ann", every_s=1), 2, [], 900, ""),
    "nothing deposited": (EVERY, 0, [], 900, ""),
}


@pytest.mark.parametrize(("duty", "deposits", "proofs", "days", "since"), CASES.values(), ids=CASES.keys())
def test_overdue_checks_are_named_with_the_moment(
    duty: Verification, deposits: int, proofs: list[Proof], days: float, since: str
) -> None:
    """By whom, and since when; nothing while there is time."""
    found = overdue_checks([duty], _nightly(deposits), proofs, now=_at(days))
    assert [text.split(" UTC")[0] for text in found] == (
        [f"check {duty.level} by ann is overdue since {since}"] if since else []
    )
