"""A run of a job as the catalogue keeps it: begun, ended or found dead; and what follows from the last ones.

A run that is ``running`` while nobody holds the job's lock was killed; the next one notes that. One that lies in the
future was recorded by a clock that was ahead: nothing follows from it but that this is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from portability.catalogue import moment_text, parse_moment_text
from portability.catalogue.job_runs import JobRun, end_run, end_running, list_runs, start_run
from portability.escrow.deposits.schedule import last_due, next_due

if TYPE_CHECKING:
    from portability.catalogue import Catalogue
    from portability.escrow.jobs import Job
    from portability.limits import Limits

__all__ = ["JobStanding", "begin_run", "finish_run", "note_of", "standing_of", "waits"]

_WAITS = " waits for its depositories"


@dataclass(frozen=True, kw_only=True)
class JobStanding:
    """How a job stands at a moment.

    Args:
        due_at: The earliest moment that no deposit has answered, when that has come.
        answers: The latest such moment: the one run that follows answers all of them.
        next_due: When it is due next, after now.
        not_before: When it may run: after its cooldown, or after a pause that grows with each failure.
        failing_since: The first run that failed since the last success.
        last: The last run.
        last_done: The last run that made its deposit.
        ahead: The first run that lies in the future.
    """

    due_at: datetime | None
    answers: datetime | None
    next_due: datetime
    not_before: datetime | None
    failing_since: JobRun | None
    failures: int
    last: JobRun | None
    last_done: JobRun | None
    ahead: JobRun | None

    def may_run(self, now: datetime) -> bool:
        """Tell whether it is to run now."""
        return self.due_at is not None and (self.not_before is None or self.not_before <= now)


def standing_of(catalogue: Catalogue, job: Job, now: datetime, limits: Limits) -> JobStanding:
    """Say how a job stands. One that never ran is due at once."""
    with catalogue.reading() as transaction:
        recorded = list_runs(transaction, job.agreement)
    latest = moment_text(now + timedelta(seconds=limits.job_skew_s))
    runs = tuple(each for each in recorded if _moment(each) <= latest)
    done = next((each for each in reversed(runs) if each.outcome == "done"), None)
    failed = _failed_since(runs, done)
    due_at = _due_since(job, runs, done, now)
    return JobStanding(
        due_at=due_at,
        answers=None if due_at is None else max(due_at, last_due(job.schedule, now) or due_at),
        next_due=next_due(job.schedule, now),
        not_before=_not_before(job, runs, len(failed), limits),
        failing_since=failed[0] if failed else None,
        failures=len(failed),
        last=runs[-1] if runs else None,
        last_done=done,
        ahead=next((each for each in recorded if _moment(each) > latest), None),
    )


def _moment(run: JobRun) -> str:
    return max(each for each in (run.started_at, run.ended_at, run.due_at) if each is not None)


def _failed_since(runs: tuple[JobRun, ...], done: JobRun | None) -> list[JobRun]:
    after = runs if done is None else runs[runs.index(done) + 1 :]
    return [each for each in after if each.outcome in {"failed", "killed"}]


def _due_since(job: Job, runs: tuple[JobRun, ...], done: JobRun | None, now: datetime) -> datetime | None:
    if done is None:
        # The moment that its first run was for: a later look does not make it due once more.
        first = parse_moment_text(runs[0].due_at or runs[0].started_at) if runs else now
        return min(first, now)
    # A deposit by hand answers what was due before it began.
    answered = max(parse_moment_text(each) for each in (done.started_at, done.due_at) if each is not None)
    due = next_due(job.schedule, answered)
    return due if due <= now else None


def _not_before(job: Job, runs: tuple[JobRun, ...], failures: int, limits: Limits) -> datetime | None:
    if not runs or runs[-1].ended_at is None:
        return None
    ended = parse_moment_text(runs[-1].ended_at)
    if runs[-1].outcome == "waiting":  # for quiet hours to end, say: looking again costs nothing
        return ended + timedelta(seconds=limits.job_pause_first_s)
    if failures:
        pause = min(limits.job_pause_first_s * 2 ** min(failures - 1, 10), limits.job_pause_max_s)
        return ended + timedelta(seconds=pause)
    return ended + timedelta(seconds=job.schedule.cooldown_s)


def begin_run(catalogue: Catalogue, job: Job, *, due_at: datetime | None, now: datetime) -> str:
    """Record that a run begins, whoever holds the job's lock; runs that were killed are noted. Return its id."""
    with catalogue.transaction() as transaction:
        end_running(transaction, job.agreement, outcome="killed", ended_at=moment_text(now))
        return start_run(
            transaction,
            job=job.name,
            agreement=job.agreement,
            due_at=None if due_at is None else moment_text(due_at),
            started_at=moment_text(now),
        )


def finish_run(
    catalogue: Catalogue, run: str, *, outcome: str, now: datetime, sequence: int | None = None, detail: str = ""
) -> None:
    """Record how a run ended."""
    with catalogue.transaction() as transaction:
        end_run(transaction, run, outcome=outcome, ended_at=moment_text(now), sequence=sequence, detail=detail)


def waits(sequence: int, warnings: tuple[str, ...]) -> str:
    """Return the detail of a run whose deposit waits, with what it found that a person must look into."""
    return "; ".join((f"deposit {sequence}{_WAITS}", *warnings))


def note_of(run: JobRun) -> str:
    """Return what a run found that a person must look into; nothing when it found nothing."""
    if run.outcome == "done":
        return run.detail
    return run.detail.partition(f"{_WAITS}; ")[2] if run.outcome == "waiting" else ""
