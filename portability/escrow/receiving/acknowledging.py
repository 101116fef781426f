"""A failed deposit whose folder the agent removed: acknowledged once, with a reason, its alarm (A202) ends.

The receipt, the manifest's copy and the reason stay in the memory for ever. One that passed is not acknowledged away:
it is restored from a backup, or deleted as agreed (``retention``). What appears again under the number is compared
with the memory as before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from portability.errors import ProcedureError, printable
from portability.escrow.receiving.earlier import place_of
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.memory import Memory
from portability.escrow.receiving.receipts import Receipt
from portability.limits import DEFAULT_LIMITS

__all__ = ["Acknowledgement", "acknowledge", "acknowledged"]


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Who removed which deposit, and why: a person's name, and a sentence of theirs."""

    agreement: str
    sequence: int
    by: str
    reason: str


def acknowledged(memory: Memory, agreement: str) -> frozenset[int]:
    """Return the numbers of the failed deposits that the agent said it removed."""
    return frozenset(each["sequence"] for each in memory.records("acknowledged", agreement))


def acknowledge(memory: Memory, folder: Path, given: Acknowledgement, *, now: datetime) -> Receipt:
    """Remember that a failed deposit was removed; return its receipt.

    Raises:
        ProcedureError: It was never received, passed, still lies there, was acknowledged before; or no reason is given.
    """
    receipt = _newest(memory, given)
    place = place_of(receipt)
    if receipt.passed:
        hint = "Restore it from your backup; what is no longer needed 'portability escrow prune' deletes, as agreed."
        raise ProcedureError("it passed: nobody removes it so", place=place, hint=hint)
    if os.path.lexists(folder / place):
        raise ProcedureError("still lies there", place=place, hint="Move it away first, if it is to go.")
    if given.sequence in acknowledged(memory, given.agreement):
        raise ProcedureError("was acknowledged before", place=place)
    reason = given.reason.strip()
    if not reason or len(reason) > DEFAULT_LIMITS.finding_characters_max or printable(reason) != reason:
        message = f"the reason is not one line of at most {DEFAULT_LIMITS.finding_characters_max} characters"
        raise ProcedureError(message, place=place, hint="Say in a sentence why it was removed.")
    memory.append(
        {
            "kind": "acknowledged",
            "at": moment_text(now),
            "agreement": given.agreement,
            "sequence": given.sequence,
            "manifest_sha256": receipt.manifest_sha256,
            "by": given.by,
            "reason": reason,
        }
    )
    return receipt


def _newest(memory: Memory, given: Acknowledgement) -> Receipt:
    found = [e for e in memory.records("received", given.agreement) if e["sequence"] == given.sequence]
    if not found:
        place = f"{given.agreement[:64]}/{given.sequence:06d}"
        raise ProcedureError("no such deposit was received", place=place, hint="Check the agreement and the number.")
    return msgspec.convert(found[-1]["receipt"], Receipt)
