"""Legal holds: what must not be deleted, known to the agent alone.

A hold lies in the agent's memory and nowhere else. No list, plan, certificate, receipt or exit code shows one, unless
the agent asks this module with the memory in hand; a plan says of every deposit that stays just that it stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from portability.errors import ProcedureError
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.memory import Memory

__all__ = ["Hold", "held", "lift_hold", "list_holds", "place_hold"]


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One hold: on all deposits of an agreement, those to come too, or on some by number."""

    number: str
    agreement: str
    sequences: tuple[int, ...]  # all of the agreement when empty
    placed_at: str
    placed_by: str
    evidence_sha256: str


def place_hold(
    memory: Memory, agreement: str, sequences: Sequence[int], *, by: str, evidence_sha256: str, now: datetime
) -> Hold:
    """Place a hold; it counts from the next plan on."""
    hold = Hold(
        number=secrets.token_hex(4),  # no running number: how many there are is nobody's business
        agreement=agreement,
        sequences=tuple(sorted(set(sequences))),
        placed_at=moment_text(now),
        placed_by=by,
        evidence_sha256=evidence_sha256,
    )
    memory.append_hold({"kind": "placed", **vars(hold), "sequences": list(hold.sequences)})
    return hold


def lift_hold(memory: Memory, number: str, *, by: str, evidence_sha256: str, now: datetime) -> Hold:
    """Lift a hold; another person than the one who placed it does so.

    Raises:
        ProcedureError: There is no such hold, or the same person placed it.
    """
    hold = next((each for each in list_holds(memory) if each.number == number), None)
    if hold is None:
        raise ProcedureError("there is no such hold, or it was lifted", place=number)
    if hold.placed_by == by:
        raise ProcedureError("whoever placed a hold may not lift it", place=number, hint="Ask a second person.")
    memory.append_hold(
        {"kind": "lifted", "number": number, "by": by, "evidence_sha256": evidence_sha256, "at": moment_text(now)}
    )
    return hold


def list_holds(memory: Memory) -> tuple[Hold, ...]:
    """Return the holds that stand."""
    lines = memory.holds()
    lifted = {each["number"] for each in lines if each["kind"] == "lifted"}
    return tuple(
        msgspec.convert({name: each[name] for name in Hold.__dataclass_fields__}, Hold)
        for each in lines
        if each["kind"] == "placed" and each["number"] not in lifted
    )


def held(memory: Memory, agreement: str, sequences: Iterable[int]) -> frozenset[int]:
    """Return which of an agreement's deposits are held."""
    found = [each for each in list_holds(memory) if each.agreement == agreement]
    return frozenset(n for n in sequences if any(not hold.sequences or n in hold.sequences for hold in found))
