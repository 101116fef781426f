"""What a check of a profile found: where, what, and what mends it."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Problem", "brief", "error", "note"]

_TEXT_MAX = 500


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to mend. ``severity`` is ``error`` (an export would stop, or lose rows to quarantine) or ``note``."""

    severity: str
    place: str
    text: str
    mend: str = ""


def error(place: str, text: str, mend: str = "") -> Problem:
    """Something that stops an export, or sends every row of an entity to quarantine."""
    return Problem(severity="error", place=place, text=text, mend=mend)


def note(place: str, text: str, mend: str = "") -> Problem:
    """Something worth knowing that stops nothing."""
    return Problem(severity="note", place=place, text=text, mend=mend)


def brief(failure: Exception) -> str:
    """The engine's first sentences with the line they are about, without the SQL that it quotes."""
    text, _, rest = str(failure).partition("\n\nLINE")
    line = re.match(r"\s*(\d+):", rest)
    text = re.sub(r"\s+", " ", text)[:_TEXT_MAX].strip()
    return f"line {line.group(1)}: {text}" if line else text
