"""Legal holds: what must not be deleted, known to the agent alone.

A hold lies in the agent's memory and nowhere else. No list, plan, certificate, receipt or exit code shows one, unless
the agent asks this module with the memory in hand; a plan says of every deposit that stays just that it stays.

Each is signed by whoever places it, and ends with the signature of another person with a key of their own. What is
placed counts however its line reads; that it was lifted counts only when the signature is right.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from portability.errors import PortabilityError, ProcedureError
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.memory import Memory
from portability.sealing.reading import canonical_json
from portability.signing import HOLD_NAMESPACE, SigningKey, check_signature

__all__ = ["Hold", "Officer", "held", "lift_hold", "list_holds", "place_hold"]


@dataclass(frozen=True, kw_only=True)
class Officer:
    """Who places or lifts a hold: a person, by the name that the agent's own register has, and their key."""

    name: str
    key: SigningKey


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One hold: on all deposits of an agreement, those to come too, or on some by number."""

    number: str
    agreement: str
    sequences: tuple[int, ...]  # all of the agreement when empty
    placed_at: str
    placed_by: str
    key: str  # the public half, as one line
    evidence_sha256: str


def place_hold(
    memory: Memory, agreement: str, sequences: Sequence[int], *, by: Officer, evidence_sha256: str, now: datetime
) -> Hold:
    """Place a hold; it counts from the next plan on."""
    hold = Hold(
        number=secrets.token_hex(4),  # no running number: how many there are is nobody's business
        agreement=agreement,
        sequences=tuple(sorted(set(sequences))),
        placed_at=moment_text(now),
        placed_by=by.name,
        key=by.key.public_line,
        evidence_sha256=evidence_sha256,
    )
    _append_signed(memory, {"kind": "placed", **vars(hold), "sequences": list(hold.sequences)}, by.key)
    return hold


def lift_hold(memory: Memory, number: str, *, by: Officer, evidence_sha256: str, now: datetime) -> Hold:
    """Lift a hold; another person than the one who placed it does so, with another key.

    Raises:
        ProcedureError: There is no such hold, or the same person or the same key placed it.
    """
    hold = next((each for each in list_holds(memory) if each.number == number), None)
    if hold is None:
        raise ProcedureError("there is no such hold, or it was lifted", place=number)
    if not _is_another(hold, by.name, by.key.public_line):
        raise ProcedureError("whoever placed a hold may not lift it", place=number, hint="Ask a second person.")
    line = {"kind": "lifted", "number": number, "by": by.name, "key": by.key.public_line, "at": moment_text(now)}
    _append_signed(memory, {**line, "evidence_sha256": evidence_sha256}, by.key)
    return hold


def list_holds(memory: Memory) -> tuple[Hold, ...]:
    """Return the holds that stand."""
    lines = memory.holds()
    ends = [each for each in lines if each["kind"] == "lifted" and _is_signed(each)]
    placed = [
        msgspec.convert({name: each[name] for name in Hold.__dataclass_fields__}, Hold)
        for each in lines
        if each["kind"] == "placed"
    ]
    return tuple(
        hold
        for hold in placed
        if not any(each["number"] == hold.number and _is_another(hold, each["by"], each["key"]) for each in ends)
    )


def held(memory: Memory, agreement: str, sequences: Iterable[int]) -> frozenset[int]:
    """Return which of an agreement's deposits are held."""
    found = [each for each in list_holds(memory) if each.agreement == agreement]
    return frozenset(n for n in sequences if any(not hold.sequences or n in hold.sequences for hold in found))


def _append_signed(memory: Memory, line: Mapping[str, Any], key: SigningKey) -> None:
    signature = key.sign(canonical_json(line), namespace=HOLD_NAMESPACE)
    memory.append_hold({**line, "signature": signature.decode("ascii")})


def _is_signed(line: Mapping[str, Any]) -> bool:
    content = canonical_json({name: each for name, each in line.items() if name not in ("signature", "previous")})
    try:
        found = check_signature(content, line["signature"].encode("ascii"), namespace=HOLD_NAMESPACE)
    except PortabilityError:
        return False
    return bool(found.key.line == line["key"])


def _is_another(hold: Hold, name: str, key: str) -> bool:
    return hold.key != key and _folded(hold.placed_by) != _folded(name)


def _folded(name: str) -> str:
    """Return a name as people tell names apart: "Ann" and "ann " are one person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
