"""How a chain of deposits stands at a moment, from the last manifest's own promise; everybody asks this one function.

All moments are aware and compared in UTC, so that a clock change of the local time shifts nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

__all__ = ["OVERDUE", "Standing", "standing"]

Standing = Literal["OK", "DUE", "LATE", "MISSED", "FAILED", "NONE"]
OVERDUE: frozenset[Standing] = frozenset({"LATE", "MISSED", "FAILED", "NONE"})
"""The standings that are an alarm."""


def standing(
    *,
    sealed_at: datetime,
    next_by: datetime | None,
    now: datetime,
    due_at: datetime | None = None,
    failed: bool = False,
) -> Standing:
    """Say how a chain stands.

    Args:
        sealed_at: When the last good deposit was sealed.
        next_by: Until when it promised the next one; without it nothing was promised, and nothing is ever late.
        now: The moment that is asked about.
        due_at: When the schedule would have the next one, where the schedule is known.
        failed: The newest deposit, or the attempt at one, failed.

    Returns:
        FAILED before all else; MISSED when a whole further period, as long as the one that was promised, went by after
        ``next_by``; LATE after ``next_by``; DUE after ``due_at``; otherwise OK.
    """
    if failed:
        return "FAILED"
    if next_by is not None and now > next_by:
        return "MISSED" if now > next_by + (next_by - sealed_at) else "LATE"
    if due_at is not None and now >= due_at:
        return "DUE"
    return "OK"
