"""One deposit that arrived: checked without keys at v0 and v1, and against what was agreed and received before.

``judge`` returns the receipt that the agent can sign; it writes nothing. What a manifest says is believed only when its
signature is right and by one whom the agent trusts; what a right signature says is still compared with the agreement.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import PortabilityError
from portability.escrow.receiving.findings import Found, bounded, finding
from portability.escrow.receiving.following import UNCHAINED, History, passed_over
from portability.escrow.receiving.receipts import FORMAT, VERSION, Receipt
from portability.escrow.signed_files import read_bounded
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, SealedManifest
from portability.sealing.reading import parse_manifest
from portability.signing import Policy, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portability.checks.report import Report
    from portability.escrow.receiving.agreements import Agreement

__all__ = ["Arrival", "judge", "moment_text"]

_LEVEL = "v1"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A committed deposit in a depository, and what it is checked against.

    Attributes:
        broken: Numbers of earlier deposits that do not lie there as they were received.
        given: The receipt that it has already, where it is judged again.
    """

    folder: Path
    agreement_name: str
    sequence: int
    agreement: Agreement | None
    history: History
    trust: Trust
    receiver: str
    compared: dict[str, str]
    now: datetime
    progress: Callable[[str], None]
    broken: frozenset[int] = frozenset()
    given: Receipt | None = None


def moment_text(moment: datetime) -> str:
    """Return a moment as receipts write it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def judge(arrival: Arrival) -> tuple[Receipt, bytes]:
    """Check a deposit; return its receipt, unsigned, and the manifest's exact bytes."""
    agreement, head = arrival.agreement, arrival.history.head
    report = verify_sealed(
        arrival.folder,
        level=_LEVEL,
        request=SealedRequest(
            policy=Policy(trust=arrival.trust, principal=agreement.signer if agreement else None),
            previous=arrival.history.head_manifest,
            recipients=agreement.recipients if agreement else None,
            now=arrival.now,
        ),
        progress=arrival.progress,
    )
    content, manifest = _manifest(arrival.folder, report)
    found = [*_of_report(report), *_of_arrival(arrival, manifest)]
    failed = not report.ok or any(each.severity == "error" for each in found)
    chained = manifest is not None and not UNCHAINED & {each.code for each in found}
    return (
        Receipt(
            format=FORMAT,
            version=VERSION,
            agreement=arrival.agreement_name,
            sequence=arrival.sequence,
            result="fail" if failed else "pass",
            level=_LEVEL,
            received_at=moment_text(arrival.now),
            receiver=arrival.receiver,
            manifest_sha256=hashlib.sha256(content).hexdigest(),
            signature_sha256=_signature_sha256(arrival.folder),
            size_bytes=report.totals.get("octets", 0),
            files=report.totals.get("files", 0),
            authentic=manifest is not None,
            head=chained,
            signer=report.signer.principals if report.signer else "",
            before=_before(arrival, head),
            compared=arrival.compared,
            findings=_listed(found),
            deposit_id=manifest.deposit_id if manifest else "",
            deposit_class=manifest.deposit_class if manifest else "",
            sealed_at=manifest.sealed_at if manifest else "",
            chain=manifest.chain if manifest else None,
        ),
        content,
    )


def _listed(found: list[Found]) -> tuple[Found, ...]:
    """Return what a receipt lists, errors first: it is remembered for ever, and somebody else chose the names in it."""
    room = DEFAULT_LIMITS.receipt_findings_max
    listed = sorted(found, key=lambda each: each.severity != "error")
    if len(listed) <= room:
        return tuple(found)
    return (*listed[:room], finding("A114", MANIFEST_JSON, f"{len(listed) - room} more"))


def _before(arrival: Arrival, head: Receipt | None) -> dict[str, str]:
    before = {} if head is None else {"manifest_sha256": head.manifest_sha256}
    if arrival.history.receipts:
        before["receipt_sha256"] = hashlib.sha256(arrival.history.receipts[-1].to_bytes()).hexdigest()
    if arrival.given is not None:
        before["replaces_sha256"] = hashlib.sha256(arrival.given.to_bytes()).hexdigest()
    return before


def _manifest(folder: Path, report: Report) -> tuple[bytes, SealedManifest | None]:
    """Return the manifest's bytes, and what it says when one whom the agent trusts has signed these bytes."""
    try:
        content = read_bounded(folder / MANIFEST_JSON)
    except PortabilityError:
        return b"", None
    if report.signer is None or report.facts.get("manifest_sha256") != hashlib.sha256(content).hexdigest():
        return content, None
    try:
        return content, parse_manifest(content)
    except PortabilityError:  # the report says what is wrong with it
        return content, None


def _signature_sha256(folder: Path) -> str:
    try:
        content = read_bounded(folder / MANIFEST_SIGNATURE, DEFAULT_LIMITS.signature_bytes_max)
    except PortabilityError:
        return ""
    return hashlib.sha256(content).hexdigest()


def _of_report(report: Report) -> Iterator[Found]:
    """Yield the verifier's findings; what it says of gaps and silence is said here, with the agreement's eyes."""
    for each in report.findings:
        if each.code not in ("X153", "X157", "X161"):
            one = Found(code=each.code, severity=each.severity, place=each.place, text=each.text, details=each.examples)
            yield bounded(one)


def _of_arrival(arrival: Arrival, manifest: SealedManifest | None) -> Iterator[Found]:
    if arrival.agreement is None:
        yield finding("A103", arrival.agreement_name)
    if manifest is None:
        return
    chain = manifest.chain
    if chain.sequence != arrival.sequence:
        yield finding("A101", MANIFEST_JSON, f"{chain.sequence} in folder {arrival.sequence:06d}")
    if chain.agreement != arrival.agreement_name:
        yield finding("A102", MANIFEST_JSON, f"{chain.agreement} in folder {arrival.agreement_name}")
    if any(each.deposit_id == manifest.deposit_id for each in arrival.history.receipts if each.authentic):
        yield finding("A113", MANIFEST_JSON, manifest.deposit_id)
    yield from _of_place(arrival, manifest)
    if arrival.agreement is not None:
        yield from _of_agreement(arrival.agreement, manifest)


def _of_place(arrival: Arrival, manifest: SealedManifest) -> Iterator[Found]:
    """Compare with the head before: gaps, lateness, data that goes back, a base that did not arrive."""
    chain, head = manifest.chain, arrival.history.head
    if head is None or head.chain is None:
        if chain.sequence > 1:
            yield finding("A112", MANIFEST_JSON, f"number {chain.sequence}")
    else:
        yield from _of_those_between(arrival, manifest, head)
        promised = parse_time(head.chain.next_by or "")
        arrived = arrival.now if arrival.given is None else parse_time(arrival.given.received_at)
        if promised is not None and arrived is not None and arrived > promised:
            yield finding("A111", MANIFEST_JSON, f"promised by {head.chain.next_by}")
        was, now = parse_time(head.chain.watermark or ""), parse_time(chain.watermark or "")
        if was and now and now < was:
            yield finding("A107", MANIFEST_JSON, f"{chain.watermark} after {head.chain.watermark}")
    if chain.kind == "differential" and (faults := list(_leaning_faults(arrival, chain.base_sha256))):
        yield finding("A106", MANIFEST_JSON, f"base {chain.base_sha256}", *faults)


def _of_those_between(arrival: Arrival, manifest: SealedManifest, head: Receipt) -> Iterator[Found]:
    """Say what lies between the head and a deposit; a full one begins anew after those that failed."""
    chain = manifest.chain
    follows = chain.previous_sha256 == head.manifest_sha256
    failed = () if head.passed else (head.sequence,)
    if chain.sequence > head.sequence + 1:
        numbers = f"number {chain.sequence} after number {head.sequence}"
        over = passed_over(chain, head, arrival.history, arrival.broken) if chain.kind == "full" else None
        if follows or over is None:
            yield finding("A110" if follows else "A109", MANIFEST_JSON, numbers)
            return
        failed = (*failed, *over)
    elif not follows:
        return
    if failed and chain.kind == "full":
        yield finding("A115", MANIFEST_JSON, f"failed: {', '.join(map(str, failed))}")


def _leaning_faults(arrival: Arrival, base_sha256: str | None) -> Iterator[str]:
    """Say why the base, or a deposit since that a differential may refer to, cannot be opened; nothing when all can."""
    chained = sorted((each for each in arrival.history.receipts if each.head), key=lambda each: each.sequence)
    at = next((n for n, each in enumerate(chained) if each.manifest_sha256 == base_sha256), None)
    base = None if at is None else chained[at].chain
    if at is None or base is None or base.kind != "full":
        yield "no full deposit with this manifest was received"
        return
    for each in chained[at:]:
        if not each.passed:
            yield f"deposit {each.sequence} failed"
        elif each.sequence in arrival.broken:
            yield f"deposit {each.sequence} is not whole any more"


def _of_agreement(agreement: Agreement, manifest: SealedManifest) -> Iterator[Found]:
    if manifest.deposit_class != agreement.deposit_class:
        yield finding("A104", MANIFEST_JSON, f"{manifest.deposit_class} instead of {agreement.deposit_class}")
    if manifest.threshold != agreement.threshold:
        yield finding("A105", MANIFEST_JSON, f"{manifest.threshold} instead of {agreement.threshold}")
    sealed_at, next_by = parse_time(manifest.sealed_at), parse_time(manifest.chain.next_by or "")
    if sealed_at and (next_by is None or next_by > agreement.deposit_within.after(sealed_at)):
        promised = manifest.chain.next_by or "nothing"
        yield finding("A108", MANIFEST_JSON, f"{promised}; agreed: within {agreement.deposit_within}")
