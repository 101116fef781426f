"""Moments as the catalogue keeps them: RFC 3339 in UTC with microseconds, so that text sorts as time does."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["moment_text", "now", "parse_moment_text"]

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def moment_text(moment: datetime | None = None) -> str:
    """Write a moment, this one when left out, as ``2026-11-22T14:30:00.000000Z``.

    Raises:
        ValueError: It has no time zone.
    """
    found = moment or now()
    if found.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return f"{found.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_moment_text(text: str) -> datetime:
    """Read what ``moment_text`` wrote, and nothing else.

    Raises:
        ValueError: It is written otherwise, or no calendar has it.
    """
    if not _FORM.fullmatch(text):
        raise ValueError("is not a moment such as 2026-11-22T14:30:00.000000Z")
    return datetime.fromisoformat(text)
