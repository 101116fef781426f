"""Which checks that a job's ``verification:`` agrees on are overdue, by the proofs that the depositor knows of.

A proof is an agent's receipt (levels without keys) or a drill's report. Who gave it is told by its signature and not
compared with the job's ``by``: a party's keys are not in a job. v5 is attested by people, so nothing is said of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.escrow.jobs_shapes import Verification

__all__ = ["Checkable", "Proof", "overdue_checks"]


@dataclass(frozen=True, kw_only=True)
class Checkable:
    """A deposit that arrived: its number, and when it was sealed."""

    sequence: int
    sealed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A check that passed: up to which level, of which deposit, when."""

    level: str
    sequence: int
    at: datetime


def overdue_checks(
    agreed: Sequence[Verification], deposits: Sequence[Checkable], proofs: Sequence[Proof], *, now: datetime
) -> tuple[str, ...]:
    """Say each agreed check that is overdue, in the order of the job: by whom, since when, what was last checked."""
    texts = []
    for duty in agreed:
        if duty.level == "v5" or not deposits:
            continue
        passed = [each for each in proofs if each.level >= duty.level]
        due = _due(duty, deposits, passed)
        if due is not None and now > due:
            last = max(passed, key=lambda each: each.at, default=None)
            known = "none is known here" if last is None else f"the last was of deposit {last.sequence}, {last.at:%F}"
            texts.append(f"check {duty.level} by {duty.by} is overdue since {due:%F %H:%M} UTC: {known}")
    return tuple(texts)


def _due(duty: Verification, deposits: Sequence[Checkable], passed: Sequence[Proof]) -> datetime | None:
    """The moment by which the next check was agreed; None when nothing waits for one.

    ``within`` counts from the oldest deposit after the last that was checked: a new one every night puts nothing off.
    ``every`` counts from the last check, and before the first one from the first deposit.
    """
    if duty.within_s is not None:
        checked = max((each.sequence for each in passed), default=0)
        waiting = [each.sealed_at for each in deposits if each.sequence > checked]
        return min(waiting) + timedelta(seconds=duty.within_s) if waiting else None
    since = max((each.at for each in passed), default=min(each.sealed_at for each in deposits))
    return since + timedelta(seconds=duty.every_s or 0)
