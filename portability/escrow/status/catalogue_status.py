"""How every chain of a depositor's catalogue stands: the last deposit that arrived, receipts, drills.

The depositor's own view: what it published and what agents signed for. Whoever does not trust the depositor asks
``deadman``, which needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portability.catalogue import Catalogue
from portability.catalogue.deposits import COUNTED, ON_THE_WAY, Deposit, list_deposits
from portability.catalogue.job_runs import JobRun, list_agreements, list_runs
from portability.catalogue.receipts import DrillRow, ReceiptRow, list_drills, list_receipts
from portability.escrow.jobs_shapes import Verification
from portability.escrow.status.clock import standing
from portability.escrow.status.deadman import ChainStanding
from portability.escrow.status.duties import Checkable, Proof, overdue_checks
from portability.sealing.contradictions import parse_time

__all__ = ["Expectation", "catalogue_standings"]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a job says of a chain of its own: its name, what it is, when it was last due, who was to check it when."""

    job: str
    deposit_class: str
    last_due: datetime | None = None
    verification: tuple[Verification, ...] = ()


def catalogue_standings(
    catalogue: Catalogue, *, now: datetime, expected: Mapping[str, Expectation] | None = None
) -> tuple[ChainStanding, ...]:
    """Return the standing of every agreement of the jobs, by name; of every one that the catalogue knows without jobs.

    Raises:
        CatalogueError: It cannot be read.
    """
    with catalogue.reading() as transaction:
        by_name: dict[str, list[Deposit]] = {name: [] for name in expected or list_agreements(transaction)}
        for each in list_deposits(transaction):
            if each.agreement in by_name or not expected:
                by_name.setdefault(each.agreement, []).append(each)
        receipts: dict[str, list[ReceiptRow]] = {}
        for row in list_receipts(transaction):
            receipts.setdefault(row.agreement, []).append(row)
        return tuple(
            _standing(
                _Known(
                    name=name,
                    deposits=tuple(by_name[name]),
                    receipts=tuple(receipts.get(name, ())),
                    runs=list_runs(transaction, name),
                    drills=list_drills(transaction, name),
                    job=(expected or {}).get(name),
                ),
                now,
            )
            for name in sorted(by_name)
        )


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the catalogue, and a job where one was named, know of a chain."""

    name: str
    deposits: tuple[Deposit, ...]
    receipts: tuple[ReceiptRow, ...]
    runs: tuple[JobRun, ...]
    drills: tuple[DrillRow, ...]
    job: Expectation | None

    @property
    def failed(self) -> set[int]:
        """The numbers of the deposits that an agent's receipt refuses."""
        return {row.sequence for row in self.receipts if row.result == "fail"}

    @property
    def counted(self) -> tuple[Deposit, ...]:
        return tuple(each for each in self.deposits if each.state in COUNTED)

    @property
    def good(self) -> Deposit | None:
        return next((each for each in reversed(self.counted) if each.sequence not in self.failed), None)

    @property
    def job_name(self) -> str:
        if self.job is not None:
            return self.job.job
        return self.runs[-1].job if self.runs else self.deposits[-1].job if self.deposits else ""

    @property
    def deposit_class(self) -> str:
        if self.job is not None:
            return self.job.deposit_class
        return self.deposits[-1].deposit_class if self.deposits else ""

    @property
    def failed_run(self) -> JobRun | None:
        """The last run, where it failed: nothing that it was to deposit is deposited."""
        ended = [each for each in self.runs if each.outcome != "running"]
        return ended[-1] if ended and ended[-1].outcome in {"failed", "killed"} else None

    @property
    def on_the_way(self) -> tuple[str, ...]:
        return tuple(f"{each.sequence} {each.state}" for each in self.deposits if each.state in ON_THE_WAY)


def _checks_overdue(known: _Known, now: datetime) -> tuple[str, ...]:
    """Say which of the job's agreed checks are overdue; of a chain without a job nothing was agreed."""
    if known.job is None:
        return ()
    deposits = [
        Checkable(sequence=each.sequence, sealed_at=sealed_at)
        for each in known.counted
        if each.sequence not in known.failed and (sealed_at := parse_time(each.sealed_at))
    ]
    ours = {each.sequence: each.manifest_sha256 for each in known.counted}
    receipts: list[tuple[ReceiptRow | DrillRow, str]] = [
        (row, row.received_at)
        for row in known.receipts
        if row.result == "pass" and row.manifest_sha256 == ours.get(row.sequence)
    ]
    # A drill of one's own is kept whatever folder it was of; it counts for a deposit that it was of.
    drills = [(row, row.started_at) for row in known.drills if ours.get(row.sequence, "?") in row.document]
    proofs = [
        # A proof that is dated ahead puts nothing off: it was here when it was recorded.
        Proof(level=row.level, sequence=row.sequence, at=min(at, parse_time(row.recorded_at) or at))
        for row, text in [*receipts, *drills]
        if (at := parse_time(text))
    ]
    return overdue_checks(known.job.verification, deposits, proofs, now=now)


def _standing(known: _Known, now: datetime) -> ChainStanding:
    good = known.good
    bare = ChainStanding(
        agreement=known.name,
        customer="",
        deposit_class=known.deposit_class,
        standing="FAILED" if known.counted or known.failed_run else "NONE",
        sequence=0,
        drilled_at=known.drills[-1].started_at if known.drills else "",
        note=_note(known),
        checks_overdue=_checks_overdue(known, now),
        job=known.job_name,
        on_the_way=known.on_the_way,
    )
    if good is None:
        return bare
    sealed_at, next_by = parse_time(good.sealed_at) or now, parse_time(good.next_by or "")
    job = known.job
    due = job.last_due if job and job.last_due and job.last_due > sealed_at else None
    refused = known.counted[-1].sequence in known.failed
    failed = refused or known.failed_run is not None
    return replace(
        bare,
        standing=standing(sealed_at=sealed_at, next_by=next_by, now=now, due_at=due, failed=failed),
        sequence=good.sequence,
        sealed_at=good.sealed_at,
        watermark=good.watermark or "",
        age_s=max(0, int((now - sealed_at).total_seconds())),
        next_by=good.next_by or "",
        overdue_s=0 if next_by is None else max(0, int((now - next_by).total_seconds())),
        verified=_verified(good, known.receipts),
    )


def _verified(good: Deposit, receipts: Sequence[ReceiptRow]) -> str:
    mine = [row for row in receipts if row.sequence == good.sequence and row.result == "pass"]
    if not mine:
        return "no receipt yet"
    return f"{max(row.level for row in mine)} by the agent" + (f", {len(mine)} depositories" if len(mine) > 1 else "")


def _note(known: _Known) -> str:
    """Return what a person should know beside the standing, most urgent first."""
    notes = []
    if (run := known.failed_run) is not None:
        notes.append(f"the last run {run.outcome} ({run.ended_at or run.started_at}): {run.detail}".rstrip(": "))
    if known.counted and known.counted[-1].sequence in known.failed:
        notes.append("the agent's receipt for the newest deposit says fail: portability escrow receipts")
    notes += [
        f"deposit {each.sequence} is {each.state} since {each.moved_at}, and counts for nothing yet"
        for each in known.deposits
        if each.state in ON_THE_WAY
    ]
    if known.good is not None and known.good.state == "PUBLISHED":
        notes.append("published; no agent has signed for it yet")
    elif known.good is None:
        notes.append("no deposit has passed" if known.counted else "nothing was ever deposited")
    return "; ".join(notes)
