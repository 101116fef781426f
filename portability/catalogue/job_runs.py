"""Runs of jobs, and the notices that follow from them."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from portability.catalogue.deposit_tables import job_runs, notices

if TYPE_CHECKING:
    from portability.catalogue.connection import Transaction

__all__ = [
    "JobRun",
    "NoticeRow",
    "add_notice",
    "end_run",
    "end_running",
    "has_notice",
    "list_agreements",
    "list_notices",
    "list_runs",
    "note_attempt",
    "start_run",
]

_RUNS_MAX = 400  # of one agreement, the last ones: what is due follows from them


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """A run; ``due_at`` is the moment of the schedule that it answers, none for one by hand."""

    id: str
    job: str
    agreement: str
    due_at: str | None
    started_at: str
    ended_at: str | None
    outcome: str  # running, done, waiting, failed, killed
    sequence: int | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class NoticeRow:
    """A notice to one channel."""

    id: str
    job: str
    event: str
    subject: str
    channel: str
    document: str
    created_at: str
    delivered_at: str | None
    attempts: int
    next_attempt_at: str
    failure: str


def start_run(transaction: Transaction, *, job: str, agreement: str, due_at: str | None, started_at: str) -> str:
    """Record a run that begins; return its id."""
    run = JobRun(
        id=str(uuid.uuid4()),
        job=job,
        agreement=agreement,
        due_at=due_at,
        started_at=started_at,
        ended_at=None,
        outcome="running",
        sequence=None,
        detail="",
    )
    transaction.execute(insert(job_runs).values(asdict(run)))
    return run.id


def end_run(
    transaction: Transaction, run: str, *, outcome: str, ended_at: str, sequence: int | None, detail: str
) -> None:
    """Record how a run ended."""
    values = {"outcome": outcome, "ended_at": ended_at, "sequence": sequence, "detail": detail}
    transaction.execute(update(job_runs).where(job_runs.c.id == run).values(values))


def end_running(transaction: Transaction, agreement: str, *, outcome: str, ended_at: str) -> None:
    """Record how all runs ended that never said so."""
    where = (job_runs.c.agreement == agreement) & (job_runs.c.outcome == "running")
    transaction.execute(update(job_runs).where(where).values(outcome=outcome, ended_at=ended_at))


def list_runs(transaction: Transaction, agreement: str) -> tuple[JobRun, ...]:
    """Return the last runs under an agreement, in the order in which they began."""
    query = select(job_runs).where(job_runs.c.agreement == agreement)
    newest = query.order_by(job_runs.c.started_at.desc(), job_runs.c.id).limit(_RUNS_MAX)
    return tuple(JobRun(**row) for row in transaction.execute(newest).mappings())[::-1]


def list_agreements(transaction: Transaction) -> tuple[str, ...]:
    """Return the agreements under which any job ever ran."""
    query = select(job_runs.c.agreement).distinct().order_by(job_runs.c.agreement)
    return tuple(transaction.execute(query).scalars())


# --- notices ---------------------------------------------------------------------------------------------------------


def has_notice(transaction: Transaction, job: str, event: str, subject: str, channel: str) -> bool:
    """Tell whether this happening was told, or is to be told, on this channel."""
    where = (notices.c.job == job) & (notices.c.event == event)
    where &= (notices.c.subject == subject) & (notices.c.channel == channel)
    return transaction.execute(select(notices.c.id).where(where)).first() is not None


def add_notice(transaction: Transaction, notice: NoticeRow) -> None:
    """Record a notice that is to be delivered."""
    transaction.execute(insert(notices).values(asdict(notice)))


def list_notices(
    transaction: Transaction, *, job: str | None = None, waiting_until: str | None = None
) -> tuple[NoticeRow, ...]:
    """Return notices by time; with ``waiting_until`` those that are not delivered and may be tried by then."""
    query = select(notices).order_by(notices.c.created_at, notices.c.id)
    if job is not None:
        query = query.where(notices.c.job == job)
    if waiting_until is not None:
        query = query.where(notices.c.delivered_at.is_(None), notices.c.next_attempt_at <= waiting_until)
    return tuple(NoticeRow(**row) for row in transaction.execute(query).mappings())


def note_attempt(
    transaction: Transaction, notice: str, *, delivered_at: str | None, next_attempt_at: str, failure: str
) -> None:
    """Record an attempt to deliver a notice."""
    values = {"delivered_at": delivered_at, "next_attempt_at": next_attempt_at, "failure": failure}
    attempts = {"attempts": notices.c.attempts + 1}
    transaction.execute(update(notices).where(notices.c.id == notice).values({**values, **attempts}))
