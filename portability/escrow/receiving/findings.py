"""What a receiver finds beyond the sealed form itself: codes, whether they fail a deposit, and what to do.

A code is never used again for another thing. The sealed form's own codes (X...) stand beside these in a receipt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from portability.errors import printable
from portability.limits import DEFAULT_LIMITS

__all__ = ["CODES", "Code", "Found", "bounded", "finding"]

_DETAILS_MAX = 10


@dataclass(frozen=True, kw_only=True)
class Code:
    """One thing that can be wrong; an error fails the deposit, or the run when it is about what lay there before."""

    severity: Literal["error", "warning"]
    title: str
    mend: str


def _error(title: str, mend: str) -> Code:
    return Code(severity="error", title=title, mend=mend)


def _warning(title: str, mend: str) -> Code:
    return Code(severity="warning", title=title, mend=mend)


CODES: dict[str, Code] = {
    # A deposit that arrives.
    "A101": _error(
        "The folder has another number than the manifest", "A deposit was copied to another place (replay)."
    ),
    "A102": _error("The folder belongs to another agreement", "A deposit was put into another customer's folder."),
    "A103": _error(
        "Nothing was agreed under this name", "Add the agreement to the agreements file, or ask who sent it."
    ),
    "A104": _error("The class is not the one agreed", "Ask the depositor for a deposit of the class agreed."),
    "A105": _error("The threshold is not the one agreed", "Fewer or more people could open it than was agreed."),
    "A106": _error(
        "It builds on a deposit that did not arrive whole, or is not whole now",
        "It cannot be assembled; ask for a full deposit.",
    ),
    "A107": _error(
        "Its data is older than the data of the one before", "The vendor's source was rolled back; ask why."
    ),
    "A108": _error(
        "It promises the next one too late, or not at all", "Whoever holds the signing key tries to buy silence."
    ),
    "A109": _error("A deposit is missing before it", "Ask the depositor for it; the chain cannot be followed."),
    "A110": _warning("A number was left out, and the chain is whole", "The depositor gave up a deposit and said so."),
    "A111": _warning("It arrived after the time that was promised", "The deposit is late; nothing else is wrong."),
    "A112": _warning(
        "It is the first that this agent knows, and not the first of its chain", "What lies before was not compared."
    ),
    "A113": _error("It is an earlier deposit under a new number", "A replay: nothing new was deposited."),
    "A114": _warning("More was found than a receipt lists", "Verify the deposit to see all of it."),
    "A115": _warning(
        "Deposits before it failed; it is full, follows them, and begins the chain anew",
        "Nothing of the failed ones is needed for it; see their receipts.",
    ),
    # What was received before, looked at again.
    "A201": _error(
        "The manifest or its signature is not the one that was received", "History was exchanged; keep both."
    ),
    "A202": _error(
        "A deposit that was received is gone",
        "Restore it from the agent's own backup; a failed one that was removed on purpose: escrow acknowledge.",
    ),
    "A203": _error("A file of a received deposit is missing, cut, longer or new", "Compare with the agent's backup."),
    "A204": _error("A received deposit does not verify any more", "Compare with the agent's backup; see the codes."),
    "A205": _error(
        "The receipt lying there is not the one that was given", "Somebody exchanged it; the memory has it."
    ),
    # The depository.
    "A211": _warning(
        "Nothing has been added to an unfinished deposit for a day", "The depositor's run died; tell them."
    ),
    "A212": _warning("This is no part of a deposit", "Find out who put it there."),
    "A213": _warning(
        "Unfinished files of a dead run lay in a deposit, and were put aside", "Look at them, and remove them."
    ),
    "A214": _error("This could not be received", "Look at what lies there; all else was received."),
    "A215": _error(
        "The clock went on by more than a month since the last run", "Check it before anything is deleted by it."
    ),
    "A216": _error(
        "More deposits came than are received in one run; the rest wait for the next",
        "Look at what lies there: a login that commits without end is blocked; else run it again.",
    ),
}
"""Every code, in the order of the documentation (docs/escrow_agent.md)."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finding in a receipt or a run: ``place`` is a file or folder, ``details`` the first few examples."""

    code: str
    severity: str
    place: str
    text: str
    details: tuple[str, ...] = ()


def finding(code: str, place: str, *details: str) -> Found:
    """Return a finding of this module's codes."""
    return bounded(
        Found(code=code, severity=CODES[code].severity, place=place, text=CODES[code].title, details=details)
    )


def bounded(found: Found) -> Found:
    """Return a finding that can be written and shown, whoever chose the names in it, and is not too long."""
    details = tuple(_text(each) for each in found.details[:_DETAILS_MAX])
    return replace(found, place=_text(found.place), details=details)


def _text(text: str) -> str:
    room = DEFAULT_LIMITS.finding_characters_max
    shown = printable(text[:room])
    return shown if len(text) <= room and len(shown) <= room else f"{shown[:room]} ..."
