"""How every chain of a depositor's catalogue stands: the last deposit that arrived, receipts, drills.

The depositor's own view: what it published and what agents signed for. Whoever does not trust the depositor asks
``deadman``, which needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portability.catalogue import Catalogue, Transaction
from portability.catalogue.deposits import COUNTED, Deposit, list_deposits
from portability.catalogue.receipts import ReceiptRow, last_drill, list_receipts
from portability.escrow.status.clock import standing
from portability.escrow.status.deadman import ChainStanding
from portability.sealing.contradictions import parse_time

__all__ = ["Expectation", "catalogue_standings"]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a job says of its chain: whose it is, what it is, and when it was last due."""

    customer: str
    deposit_class: str
    last_due: datetime | None = field(default=None)


def catalogue_standings(
    catalogue: Catalogue, *, now: datetime, expected: Mapping[str, Expectation] | None = None
) -> tuple[ChainStanding, ...]:
    """Return the standing of every agreement that the catalogue or a job knows, by name.

    Raises:
        CatalogueError: It cannot be read.
    """
    jobs = expected or {}
    with catalogue.reading() as transaction:
        by_name: dict[str, list[Deposit]] = {name: [] for name in jobs}
        for each in list_deposits(transaction):
            by_name.setdefault(each.agreement, []).append(each)
        receipts: dict[str, list[ReceiptRow]] = {}
        for row in list_receipts(transaction):
            receipts.setdefault(row.agreement, []).append(row)
        return tuple(
            _standing(transaction, name, by_name[name], receipts.get(name, []), jobs.get(name), now)
            for name in sorted(by_name)
        )


def _standing(
    transaction: Transaction,
    name: str,
    deposits: list[Deposit],
    receipts: list[ReceiptRow],
    job: Expectation | None,
    now: datetime,
) -> ChainStanding:
    failed = {row.sequence for row in receipts if row.result == "fail"}
    counted = [each for each in deposits if each.state in COUNTED]
    good = next((each for each in reversed(counted) if each.sequence not in failed), None)
    drill = last_drill(transaction, name)
    if good is None:
        return ChainStanding(
            agreement=name,
            customer=job.customer if job else "",
            deposit_class=job.deposit_class if job else counted[-1].deposit_class if counted else "",
            standing="FAILED" if counted else "NONE",
            sequence=0,
            note="no deposit has passed" if counted else "nothing was ever deposited",
        )
    sealed_at, next_by = parse_time(good.sealed_at) or now, parse_time(good.next_by or "")
    due = job.last_due if job and job.last_due and job.last_due > sealed_at else None
    newest_failed = counted[-1].sequence in failed
    state = standing(sealed_at=sealed_at, next_by=next_by, now=now, due_at=due, failed=newest_failed)
    return ChainStanding(
        agreement=name,
        customer=job.customer if job else "",
        deposit_class=good.deposit_class,
        standing=state,
        sequence=good.sequence,
        sealed_at=good.sealed_at,
        watermark=good.watermark or "",
        age_s=max(0, int((now - sealed_at).total_seconds())),
        next_by=good.next_by or "",
        overdue_s=0 if next_by is None else max(0, int((now - next_by).total_seconds())),
        verified=_verified(good, receipts),
        drilled_at=drill.started_at if drill else "",
        note=_note(good, newest_failed=newest_failed),
    )


def _verified(good: Deposit, receipts: list[ReceiptRow]) -> str:
    mine = [row for row in receipts if row.sequence == good.sequence and row.result == "pass"]
    if not mine:
        return "no receipt yet"
    return f"{max(row.level for row in mine)} by the agent" + (f", {len(mine)} depositories" if len(mine) > 1 else "")


def _note(good: Deposit, *, newest_failed: bool) -> str:
    if newest_failed:
        return "the agent's receipt for the newest deposit says fail: portability escrow receipts"
    return "" if good.state != "PUBLISHED" else "published; no agent has signed for it yet"
