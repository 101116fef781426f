"""A folder of jobs, looked at once or again and again: what is due runs, each job in a process of its own.

What is due follows from the catalogue and the clock, so a runner that was down for days runs each job once, and two
runners side by side run none twice. A process of its own gives a job its memory and its end: one that is killed takes
nobody along. Job files are read anew at every look.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import moment_text, open_catalogue
from portability.errors import ConfigError, PortabilityError
from portability.escrow.deposits.ownership import refuse_other_job
from portability.escrow.jobs import Job, load_job
from portability.escrow.running.children import Child, Ended, with_mend
from portability.escrow.running.depositing import BUSY, job_lock
from portability.escrow.running.joblog import write_log
from portability.escrow.running.notices import Undelivered, deliver_notices, note_happenings
from portability.escrow.running.runs import JobStanding, standing_of
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from portability.catalogue import Catalogue

__all__ = ["JobReport", "Runner", "RunnerReport", "RunnerRequest"]

_COMMAND = (sys.executable, "-c", "from portability.cli import main; main()", "escrow", "deposit")
_REAP_S = 0.1
_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True, kw_only=True)
class RunnerRequest:
    """Where the jobs are, and how they are run.

    Args:
        jobs: The folder of job files.
        catalogue: The address where a job names none.
        logs: The folder of the jobs' logs.
        workers: How many jobs run side by side.
        command: What runs one job: its file is added, and ``--due`` with the moment.
    """

    jobs: Path
    logs: Path
    catalogue: str | None = None
    workers: int = 2
    command: tuple[str, ...] = _COMMAND
    limits: Limits = DEFAULT_LIMITS
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """How a job stands after a look: idle, queued, started, running, busy, waiting, done or failed."""

    file: str
    job: str
    state: str
    due_at: str | None = None
    next_due: str | None = None
    detail: str = ""
    exit_code: int = 0
    events: tuple[str, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunnerReport:
    """What a runner did, job by job; ``exit_code`` is that of the first job, by its file's name, that failed."""

    jobs: tuple[JobReport, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing failed."""
        return next((each.exit_code for each in self.jobs if each.exit_code), 0)


class Runner:
    """Use: ``look`` again and again; ``wait`` for what runs; ``stop`` ends it."""

    def __init__(self, request: RunnerRequest) -> None:
        self._request = request
        self._children: dict[Path, Child] = {}
        self._ended: dict[Path, Ended] = {}
        self._logged: dict[Path, Ended] = {}

    def look(self, *, start: bool = True, again: bool = True) -> RunnerReport:
        """Start what is due, take up what has ended, and tell who is to be told.

        Args:
            start: Start what is due.
            again: Also what this runner has run before.
        """
        for path, child in [*self._children.items()]:
            if not child.is_running:
                self._ended[path] = child.ended()
                del self._children[path]
        return RunnerReport(
            jobs=tuple(
                self._look_at(path, start=start and (again or path not in self._ended))
                for path in _job_files(self._request)
            )
        )

    def wait(self) -> None:
        """Wait until no job runs."""
        for child in self._children.values():
            child.wait()

    def wait_for_room(self) -> None:
        """Wait until fewer jobs run than may."""
        while sum(child.is_running for child in self._children.values()) >= self._request.workers:
            time.sleep(_REAP_S)

    def stop(self) -> None:
        """End the jobs that run; each leaves nothing half-done under a final name."""
        for child in self._children.values():
            child.stop()
        self.wait()

    def _look_at(self, path: Path, *, start: bool) -> JobReport:
        try:
            job = load_job(path)
            with self._catalogue(job) as catalogue:
                return self._judged(path, job, catalogue, start=start)
        except PortabilityError as error:
            detail = with_mend(str(error), error.hint)
            return JobReport(file=path.name, job=path.stem, state="failed", detail=detail, exit_code=error.exit_code)

    def _judged(self, path: Path, job: Job, catalogue: Catalogue, *, start: bool) -> JobReport:
        refuse_other_job(catalogue, job)
        now, limits = self._request.now(), self._request.limits
        standing = standing_of(catalogue, job, now, limits)
        events = note_happenings(catalogue, job, standing, now)
        before = self._ended.get(path)
        state = before or _idle(standing, now)
        if path in self._children:
            state = Ended(state="running", detail="")
        elif start and standing.may_run(now):
            state = self._start(path, job, catalogue, standing.answers or now)
        self._log(path, job, [each for each in (before, state) if each is not None], events)
        undelivered = deliver_notices(catalogue, job, now, limits)
        return JobReport(
            file=path.name,
            job=job.name,
            state=state.state,
            due_at=None if standing.due_at is None else moment_text(standing.due_at),
            next_due=moment_text(standing.next_due),
            detail=state.detail,
            exit_code=state.exit_code,
            events=events,
            undelivered=undelivered,
        )

    def _log(self, path: Path, job: Job, states: list[Ended], events: tuple[str, ...]) -> None:
        """Write down what is new: a job that is busy or idle for hours is that in one line."""
        lines = list(events)
        for each in states:
            if each.state not in {"idle", "running", "queued"} and self._logged.get(path) != each:
                self._logged[path] = each
                lines.append(f"{each.state}: {each.detail}")
        write_log(self._request.logs, job.name, lines, self._request.now(), self._request.limits)

    def _start(self, path: Path, job: Job, catalogue: Catalogue, due: datetime) -> Ended:
        with catalogue.hold(job_lock(job.agreement)) as free:
            if not free:
                self._ended[path] = Ended(state="busy", detail=BUSY)
                return self._ended[path]
        if sum(child.is_running for child in self._children.values()) >= self._request.workers:
            return Ended(state="queued", detail="other jobs run")
        command = (*self._request.command, str(path), "--due", moment_text(due), "--json")
        self._children[path] = Child(command, self._request.limits.job_output_bytes_max)
        self._ended.pop(path, None)  # how the run before ended says nothing of this one
        return Ended(state="started", detail=f"due {moment_text(due)}")

    @contextlib.contextmanager
    def _catalogue(self, job: Job) -> Iterator[Catalogue]:
        address = job.catalogue or self._request.catalogue
        if address is None:
            hint = "Write into portability.yaml: catalogue: sqlite:///catalogue.db"
            raise ConfigError("no catalogue is named", place=job.path.name, hint=hint)
        with open_catalogue(address) as catalogue:
            yield catalogue


def _idle(standing: JobStanding, now: datetime) -> Ended:
    """Say why a job that is due does not run; nothing where it is not."""
    detail = ""
    if standing.due_at is not None and standing.not_before is not None and standing.not_before > now:
        why = "its last run failed" if standing.failures else "due"
        detail = f"{why}; runs from {moment_text(standing.not_before)} on"
    return Ended(state="idle", detail=detail)


def _job_files(request: RunnerRequest) -> list[Path]:
    try:
        found = sorted(path for path in request.jobs.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    except OSError as error:
        raise ConfigError(f"the folder of jobs cannot be read: {error.strerror}", place=str(request.jobs)) from error
    if len(found) > request.limits.job_files_max:
        raise ConfigError(f"holds more than {request.limits.job_files_max} job files", place=str(request.jobs))
    return [path.absolute() for path in found]
