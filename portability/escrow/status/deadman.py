"""The dead-man check: is the next deposit overdue, asked of nothing but the last manifest, or an agent's depository.

No catalogue, no vendor and no key are needed. A manifest's promise counts only as far as the agreement lets it, and the
time that it was sealed at only as far as it arrived by then: whoever holds a stolen signing key signs what they like.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from portability.errors import ConfigError
from portability.escrow.receiving.agreements import Agreement, Agreements
from portability.escrow.receiving.alarms import standing_alarms
from portability.escrow.receiving.job import history_of, iter_deposits
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.memory import open_memory, refuse_inside
from portability.escrow.receiving.receipts import Receipt
from portability.escrow.signed_files import read_bounded
from portability.escrow.status.clock import OVERDUE, Standing, standing
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, SealedManifest
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, Policy, check_signature

__all__ = ["ChainStanding", "deadman_folder", "deadman_manifest", "span_text"]

_FAILED = "the newest deposit failed; see its receipt"
_CHANGED = "what was received does not lie there as it was; run receive"
_ALARMS = {"A201", "A202", "A203", "A204"}


@dataclass(frozen=True, kw_only=True)
class ChainStanding:
    """How one chain of deposits stands.

    Attributes:
        sequence: The last good deposit's number; 0 when there is none.
        age_s: Seconds since it was sealed.
        next_by: Until when the next one is promised; empty when nothing was.
        overdue_s: Seconds past that; 0 when it is not late.
        verified: How far it was checked, and by whom: by the agent without keys (v1), by a drill (v3, v4).
        signer: Who signed it; empty when nobody was named to compare with.
        job: The job that deposits, as the depositor's catalogue knows it; empty for everybody else.
        on_the_way: Deposits that are not in enough depositories yet, each with its number and state.
        checks_overdue: What the job's ``verification:`` agrees on and nobody is known to have done in time.
    """

    agreement: str
    customer: str
    deposit_class: str
    standing: Standing
    sequence: int
    sealed_at: str = ""
    watermark: str = ""
    age_s: int = 0
    next_by: str = ""
    overdue_s: int = 0
    verified: str = ""
    drilled_at: str = ""
    signer: str = ""
    note: str = ""
    job: str = ""
    on_the_way: tuple[str, ...] = ()
    checks_overdue: tuple[str, ...] = ()

    @property
    def overdue(self) -> bool:
        """Whether somebody has to be told."""
        return self.standing in OVERDUE or bool(self.checks_overdue)


def deadman_manifest(
    path: Path, policy: Policy | None, *, now: datetime, agreement: Agreement | None = None
) -> ChainStanding:
    """Judge the manifest of the last deposit, its signature beside it.

    Raises:
        ConfigError: It cannot be read, or its signature is not beside it though somebody was named to have made it.
        SealError: It is no manifest.
        SignatureError: The signature is wrong, or by nobody who is trusted.
    """
    content = read_bounded(path)
    beside = path.with_name(f"{path.name}.sig")
    found = None
    if policy is not None or beside.is_file():
        signature = read_bounded(beside, DEFAULT_LIMITS.signature_bytes_max)
        found = check_signature(content, signature, namespace=SEALED_NAMESPACE)
    manifest = parse_manifest(content)
    signer = ""
    if policy is not None and found is not None:
        signer = policy.admit(found, policy.named(found), claimed=_time(manifest.sealed_at)).principals
    return _standing(manifest, now=now, signer=signer, agreement=agreement)


def deadman_folder(
    folder: Path,
    policy: Policy | None,
    *,
    now: datetime,
    memory: Path | None = None,
    agreements: Agreements | None = None,
) -> tuple[ChainStanding, ...]:
    """Judge every agreement of a depository, by the agent's memory when there is one.

    Raises:
        ConfigError: The depository or the memory cannot be read.
        PortabilityError: A manifest is not what it must be, and there is no memory to ask instead.
    """
    if not folder.is_dir():
        raise ConfigError("there is no such depository", place=str(folder))
    agreed = agreements.by_name if agreements else {}
    if memory is not None:
        refuse_inside(memory, folder)
        found = _remembered(memory, agreed, now)
    else:
        found = _lying(folder, policy, agreed, now)
    for name in sorted(agreed.keys() - {each.agreement for each in found}):
        found.append(_none(name, agreed[name]))
    return tuple(sorted(found, key=lambda each: each.agreement))


def _remembered(memory: Path, agreed: dict[str, Agreement], now: datetime) -> list[ChainStanding]:
    found = []
    with open_memory(memory) as opened:
        changed = {place.split("/")[0] for code, place in standing_alarms(opened) if code in _ALARMS}
        for name in opened.agreements():
            receipts = history_of(opened, name).receipts
            heads = (each for each in receipts if each.passed and each.head)
            good = max(heads, key=lambda each: each.sequence, default=None)
            agreement = agreed.get(name)
            if good is None:
                found.append(_none(name, agreement, failed=bool(receipts)))
                continue
            manifest = parse_manifest(opened.manifest(name, good.sequence))
            one = _standing(manifest, now=now, signer=good.signer, agreement=agreement, receipt=good)
            if not receipts[-1].passed:
                one = replace(one, standing="FAILED", note=_FAILED)
            elif name in changed:
                one = replace(one, standing="FAILED", note=_CHANGED)
            found.append(one)
    return found


def _lying(folder: Path, policy: Policy | None, agreed: dict[str, Agreement], now: datetime) -> list[ChainStanding]:
    """Judge by what lies there: without a memory the newest committed deposit is believed to be the last."""
    found = []
    for path in sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()):
        committed = [each for _, each in iter_deposits(path) if (each / MANIFEST_SIGNATURE).is_file()]
        agreement = agreed.get(path.name)
        if committed:
            found.append(deadman_manifest(committed[-1] / MANIFEST_JSON, policy, now=now, agreement=agreement))
        elif agreement is not None:
            found.append(_none(path.name, agreement))
    return found


def _none(name: str, agreement: Agreement | None, *, failed: bool = False) -> ChainStanding:
    return ChainStanding(
        agreement=name,
        customer=agreement.customer if agreement else "",
        deposit_class=agreement.deposit_class if agreement else "",
        standing="FAILED" if failed else "NONE",
        sequence=0,
        note="no deposit has passed" if failed else "nothing was ever deposited",
    )


def _standing(
    manifest: SealedManifest, *, now: datetime, signer: str, agreement: Agreement | None, receipt: Receipt | None = None
) -> ChainStanding:
    sealed_at, promised = _time(manifest.sealed_at), manifest.chain.next_by
    if receipt is not None:
        sealed_at = min(sealed_at, _time(receipt.received_at))
    next_by = None if promised is None else _time(promised)
    if agreement is not None:
        longest = agreement.deposit_within.after(sealed_at)
        next_by = longest if next_by is None else min(next_by, longest)
    state = standing(sealed_at=sealed_at, next_by=next_by, now=now)
    return ChainStanding(
        agreement=manifest.chain.agreement or "",
        customer=agreement.customer if agreement else "",
        deposit_class=manifest.deposit_class,
        standing=state,
        sequence=manifest.chain.sequence,
        sealed_at=manifest.sealed_at,
        watermark=manifest.chain.watermark or "",
        age_s=max(0, int((now - sealed_at).total_seconds())),
        next_by="" if next_by is None else moment_text(next_by),
        overdue_s=0 if next_by is None else max(0, int((now - next_by).total_seconds())),
        verified="" if receipt is None else f"{receipt.level} by the agent",
        signer=signer,
        note=_note(next_by, signer),
    )


def _note(next_by: datetime | None, signer: str) -> str:
    if next_by is None:
        return "nothing was promised, so nothing is ever late"
    return "" if signer else "nobody was named who should have signed (--trust)"


def _time(text: str) -> datetime:
    found = parse_time(text)
    if found is None:  # the manifest was checked when it was read
        raise ConfigError("is not a time", place=text[:40])
    return found


def span_text(seconds: int) -> str:
    """Return a span as people say it: ``3 d 4 h``, ``12 min``."""
    span = timedelta(seconds=seconds)
    hours, minutes = span.seconds // 3600, span.seconds % 3600 // 60
    if span.days:
        return f"{span.days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
