"""A job, run once: what earlier runs left is finished; else its payload is made, sealed, spooled and published.

One run at a time deposits under an agreement, on all machines that share the catalogue. Killed at any point it leaves
no deposit or a whole one, and the next run finishes it: until the spool's rename there is nothing, from the record on
there is a deposit that is brought to its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from portability.auditing import NewEntry, audited
from portability.catalogue.deposits import ON_THE_WAY
from portability.errors import CatalogueError, ConfigError
from portability.escrow.deposits.finishing import Settled, finish_deposits, settle
from portability.escrow.deposits.making import make_deposit
from portability.escrow.deposits.ownership import agreements_of
from portability.escrow.deposits.payloads import prepare_payloads
from portability.escrow.deposits.planning import Step, check_clock, next_step
from portability.escrow.deposits.requests import DepositResult, JobRequest, Payload
from portability.escrow.deposits.schedule import last_due
from portability.escrow.deposits.surveying import Survey, survey_chain
from portability.escrow.jobs import Job, require_policy
from portability.escrow.jobs_trust import require_trust
from portability.sealing.contradictions import parse_time
from portability.staging import open_staging, sweep

if TYPE_CHECKING:
    from pathlib import Path

    from portability.catalogue import Hold

__all__ = ["agreements_of", "run_job"]

_PURPOSE = "deposit under the escrow agreement"


def run_job(request: JobRequest) -> tuple[DepositResult, ...]:
    """Run a job once.

    Returns:
        The deposits that it finished for a run before it; and those that it made, unless the former answer what is due.

    Raises:
        PortabilityError: Of the kind that went wrong; what was begun is finished by the next run.
    """
    require_policy(request.job)
    require_trust(request.job, request.key.public_line, now=request.now())
    agreements = agreements_of(request.job)
    entry = NewEntry(
        action="escrow.deposit",
        actor=request.actor,
        subject=f"agreement:{request.job.agreement}",
        purpose=_PURPOSE,
        basis="contract",
        details={"job": request.job.name, "job_sha256": request.job.sha256},
    )
    with ExitStack() as stack:
        for agreement in agreements:
            request = _fenced(request, stack.enter_context(_alone(request, agreement)))
        details = stack.enter_context(audited(request.catalogue, entry))
        results, warnings = _finished(request, agreements)
        if not results or _is_stale(request, results):
            results += _new(request, agreements)
        results = (*results[:-1], replace(results[-1], warnings=(*warnings, *results[-1].warnings)))
        details |= {f"sequence_{number}": each.sequence for number, each in enumerate(results, 1)}
        details |= {f"manifest_{number}": each.manifest_sha256 for number, each in enumerate(results, 1)}
    return results


@contextmanager
def _alone(request: JobRequest, agreement: str) -> Iterator[Hold]:
    with request.catalogue.hold(f"escrow deposits: {agreement}") as held:
        if not held:
            hint = "It will be done by that run; nothing is to do here."
            raise CatalogueError("another run is depositing under this agreement", place=agreement, hint=hint)
        yield held


def _fenced(request: JobRequest, hold: Hold) -> JobRequest:
    """Have every step that cannot be taken back ask first whether this run still is the only one."""

    def still_held() -> None:
        request.still_held()
        hold.require()

    return replace(request, still_held=still_held)


def _finished(request: JobRequest, agreements: tuple[str, ...]) -> tuple[tuple[DepositResult, ...], tuple[str, ...]]:
    results, warnings = list[DepositResult](), list[str]()
    sweep(request.job.staging)  # a run that was killed behind its last step left plaintext, and nothing to stage anew
    for agreement in agreements:
        finished, found = finish_deposits(request, agreement)
        results += [_result(each, finished_earlier=True) for each in finished]
        warnings += found
    return tuple(results), tuple(warnings)


def _is_stale(request: JobRequest, finished: tuple[DepositResult, ...]) -> bool:
    """Tell whether what was finished shows the source as it was before this run's moment of the schedule.

    One that still waits for its depositories is brought there first.
    """
    if any(each.state in ON_THE_WAY for each in finished):
        return False
    due = request.due_at or last_due(request.job.schedule, request.now())
    moments = [parse_time(each.watermark or "") for each in finished]
    return due is not None and any(each is None or each < due.replace(microsecond=0) for each in moments)


def _new(request: JobRequest, agreements: tuple[str, ...]) -> tuple[DepositResult, ...]:
    surveys = {each: survey_chain(request, each) for each in agreements}
    for survey in surveys.values():
        check_clock(survey.chain, request.now())  # hours of reading later would be late
    with _staging(request.job) as staging:
        clock = _Clock()
        payloads = prepare_payloads(request, staging)
        clock.note("payload")
        return tuple(_deposited(request, each, surveys[each.terms.agreement], staging, clock) for each in payloads)


@contextmanager
def _staging(job: Job) -> Iterator[Path]:
    try:
        job.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot stage here: {error.strerror}", place=str(job.staging)) from error
    with open_staging(job.staging) as staging:
        yield staging.path


def _deposited(request: JobRequest, payload: Payload, survey: Survey, staging: Path, clock: _Clock) -> DepositResult:
    folder = staging / payload.terms.agreement
    folder.mkdir()
    check_clock(survey.chain, request.now(), payload.watermark)
    deposit = make_deposit(request, payload, survey.chain, _decide(request, survey), folder)
    clock.note("seal")
    settled = settle(request, deposit)
    clock.note("publish")
    result = _result(settled, finished_earlier=False, seconds=clock.seconds)
    return replace(result, warnings=(*survey.warnings, *result.warnings))


def _decide(request: JobRequest, survey: Survey) -> Callable[[str], Step]:
    def decide(epoch: str) -> Step:
        return next_step(
            survey.chain,
            epoch,
            full_every=request.job.full_every,
            now=request.now(),
            force_full=request.force_full,
            missing=survey.missing,
        )

    return decide


class _Clock:
    """How long each step took."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, str] = {}

    def note(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step] = f"{now - self._last:.1f}"
        self._last = now


def _result(settled: Settled, *, finished_earlier: bool, seconds: dict[str, str] | None = None) -> DepositResult:
    deposit = settled.deposit
    return DepositResult(
        agreement=deposit.agreement,
        sequence=deposit.sequence,
        kind=deposit.kind,
        reason=deposit.reason,
        state=deposit.state,
        manifest_sha256=deposit.manifest_sha256,
        archive_bytes=deposit.archive_bytes,
        content_bytes=deposit.content_bytes,
        sealed_bytes=deposit.sealed_bytes,
        watermark=deposit.watermark,
        next_by=deposit.next_by,
        finished_earlier=finished_earlier,
        placements=settled.placements,
        warnings=settled.warnings,
        seconds=seconds or {},
    )
