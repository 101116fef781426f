"""A job, run once: what earlier runs left is finished; else its payload is made, sealed, spooled and published.

One run at a time deposits under an agreement, on all machines that share the catalogue. Killed at any point it leaves
no deposit or a whole one, and the next run finishes it: until the spool's rename there is nothing, from the record on
there is a deposit that is brought to its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from portability.auditing import NewEntry, audited
from portability.errors import CatalogueError, ConfigError
from portability.escrow.deposits.exporting import prepare_payloads
from portability.escrow.deposits.finishing import finish_deposits, settle
from portability.escrow.deposits.making import make_deposit
from portability.escrow.deposits.planning import Step, check_clock, next_step
from portability.escrow.deposits.requests import DepositResult, JobRequest, Payload, PlacementResult
from portability.escrow.deposits.surveying import Survey, survey_chain
from portability.escrow.jobs import AccessPayload, Job, require_policy
from portability.sealing.staging import open_staging

if TYPE_CHECKING:
    from pathlib import Path

    from portability.catalogue.deposits import Deposit

__all__ = ["agreements_of", "run_job"]

_PURPOSE = "deposit under the escrow agreement"


def agreements_of(job: Job) -> tuple[str, ...]:
    """Return the agreements that a job deposits under: one, or two where credentials have their own."""
    payload = job.payload
    slot = payload.credentials if isinstance(payload, AccessPayload) else None
    return (job.agreement,) if slot is None else (job.agreement, slot.agreement)


def run_job(request: JobRequest) -> tuple[DepositResult, ...]:
    """Run a job once.

    Returns:
        The deposits that it finished for a run before it; or else those that it made.

    Raises:
        PortabilityError: Of the kind that went wrong; what was begun is finished by the next run.
    """
    require_policy(request.job)
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
            stack.enter_context(_alone(request, agreement))
        details = stack.enter_context(audited(request.catalogue, entry))
        results = _finished(request, agreements) or _new(request, agreements)
        details |= {f"sequence_{number}": each.sequence for number, each in enumerate(results, 1)}
        details |= {f"manifest_{number}": each.manifest_sha256 for number, each in enumerate(results, 1)}
    return results


@contextmanager
def _alone(request: JobRequest, agreement: str) -> Iterator[None]:
    with request.catalogue.hold(f"escrow deposits: {agreement}") as held:
        if not held:
            hint = "It will be done by that run; nothing is to do here."
            raise CatalogueError("another run is depositing under this agreement", place=agreement, hint=hint)
        yield


def _finished(request: JobRequest, agreements: tuple[str, ...]) -> tuple[DepositResult, ...]:
    found = [each for agreement in agreements for each in finish_deposits(request, agreement)]
    return tuple(_result(deposit, placements, finished_earlier=True) for deposit, placements in found)


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
    settled, placements = settle(request, deposit)
    clock.note("publish")
    return _result(settled, placements, finished_earlier=False, seconds=clock.seconds, warnings=survey.warnings)


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


def _result(
    deposit: Deposit,
    placements: tuple[PlacementResult, ...],
    *,
    finished_earlier: bool,
    seconds: dict[str, str] | None = None,
    warnings: tuple[str, ...] = (),
) -> DepositResult:
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
        placements=placements,
        warnings=warnings,
        seconds=seconds or {},
    )
