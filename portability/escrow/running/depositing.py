"""One run of a job with its record: begun under the job's lock, ended however it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portability.catalogue import parse_moment_text
from portability.errors import CatalogueError, PortabilityError, printable
from portability.escrow.deposits.ownership import require_own_chains
from portability.escrow.deposits.run import run_job
from portability.escrow.running.runs import begin_run, finish_run, standing_of, waits

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import DepositResult, JobRequest

__all__ = ["BUSY", "JobOutcome", "deposit_now", "job_lock"]

BUSY = "another run of this job is under way"


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """What a run did; no deposits when another run had answered what was due."""

    job: str
    agreement: str
    deposits: tuple[DepositResult, ...]


def job_lock(agreement: str) -> str:
    """Return the name under which a job's runs exclude each other."""
    return f"escrow job: {agreement}"


def deposit_now(request: JobRequest) -> JobOutcome:
    """Run a job once, unless what it was started for has been answered meanwhile.

    Raises:
        CatalogueError: Another run of this job is under way.
        PortabilityError: The run failed; the record says so.
    """
    job = request.job
    with request.catalogue.hold(job_lock(job.agreement)) as held:
        if not held:
            raise CatalogueError(BUSY, place=job.name, hint="There is nothing to do: that run does it.")
        require_own_chains(request)
        if _answered(request):
            return JobOutcome(job=job.name, agreement=job.agreement, deposits=())
        run = begin_run(request.catalogue, job, due_at=request.due_at, now=request.now())
        try:
            deposits = run_job(replace(request, still_held=held.require))
        except BaseException as error:
            _finish(request, run, "failed", detail=_said(error))
            raise
        waiting = [each for each in deposits if each.state in {"SPOOLED", "UPLOADED"}]
        found = tuple(text for each in deposits for text in each.warnings)
        detail = waits(waiting[0].sequence, found) if waiting else "; ".join(found)
        _finish(request, run, "waiting" if waiting else "done", sequence=deposits[-1].sequence, detail=detail)
    return JobOutcome(job=job.name, agreement=job.agreement, deposits=deposits)


def _answered(request: JobRequest) -> bool:
    if request.due_at is None:
        return False
    last = standing_of(request.catalogue, request.job, request.now(), request.limits).last_done
    return last is not None and parse_moment_text(last.due_at or last.started_at) >= request.due_at


def _said(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):  # as signals arrive here
        return "the run was stopped by a person or a signal; the next one goes on from there"
    return str(error) if isinstance(error, PortabilityError) else type(error).__name__


def _finish(request: JobRequest, run: str, outcome: str, *, sequence: int | None = None, detail: str = "") -> None:
    finish_run(
        request.catalogue,
        run,
        outcome=outcome,
        now=request.now(),
        sequence=sequence,
        detail=printable(detail)[: request.limits.detail_characters_max],
    )
