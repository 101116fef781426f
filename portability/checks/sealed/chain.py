"""Level v0, without any key: the deposit's place among those before it, and whether the next one is overdue.

The previous manifest is the checker's own copy and is believed; this one was checked by the steps before.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from portability.checks.sealed.case import SealedStep
from portability.errors import SealError
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON
from portability.sealing.reading import parse_manifest

if TYPE_CHECKING:
    from portability.checks.sealed.case import SealedCase
    from portability.sealing.manifest import SealedManifest

__all__ = ["STEPS"]


def _check_chain(case: SealedCase) -> None:
    if case.request.previous is None:
        if case.manifest.chain.sequence > 1:
            case.log.add("X157", MANIFEST_JSON, [f"number {case.manifest.chain.sequence}"])
        return
    try:
        previous = parse_manifest(case.request.previous, case.limits)
    except SealError as error:
        case.log.add("X155", "the previous manifest", [error.message])
        return
    place = (
        f"{previous.chain.agreement} {previous.deposit_class}",
        f"{case.manifest.chain.agreement} {case.manifest.deposit_class}",
    )
    if place[0] != place[1]:
        case.log.add("X154", MANIFEST_JSON, [f"{place[1]} after {place[0]}"])
        return
    _check_link(case, previous, hashlib.sha256(case.request.previous).hexdigest())
    before, now = parse_time(previous.sealed_at), parse_time(case.manifest.sealed_at)
    if before and now and now < before and not case.log.has("X151"):
        case.log.add("X156", MANIFEST_JSON, [f"{case.manifest.sealed_at} after {previous.sealed_at}"])


def _check_link(case: SealedCase, previous: SealedManifest, sha256: str) -> None:
    ours, theirs = case.manifest.chain.sequence, previous.chain.sequence
    sequences = [f"number {ours} after number {theirs}"]
    if case.facts["manifest_sha256"] == sha256 or ours < theirs:
        case.log.add("X151", MANIFEST_JSON, sequences)
    elif ours == theirs or (ours == theirs + 1 and case.manifest.chain.previous_sha256 != sha256):
        case.log.add("X152", MANIFEST_JSON, sequences)
    elif ours > theirs + 1:
        case.log.add("X153", MANIFEST_JSON, sequences)
    else:
        case.facts["follows_sha256"] = sha256


def _check_clock(case: SealedCase) -> None:
    next_by = parse_time(case.manifest.chain.next_by or "")
    if next_by is not None and case.request.now > next_by:
        case.log.add("X161", MANIFEST_JSON, [f"next_by {case.manifest.chain.next_by}"])


STEPS = (
    SealedStep(title="It follows from the manifest before it", check=_check_chain, gate=False, needs="previous"),
    SealedStep(title="The next deposit is not overdue", check=_check_clock, gate=False),
)
