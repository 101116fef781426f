"""A drill: verify a deposit with all that it takes, level by level, up to a restored database or an offline build.

The levels are those of docs/verifying_sealed.md, and v4: a clean room. A level that fails ends the drill; the report
says what was not done. Plaintext lies in a private staging folder, which is removed at the end, and after a kill by the
next run there. v0 and v1 need no key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal

from portability.checks import verify
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import ConfigError, PortabilityError
from portability.escrow.chain_folders import ChainedDeposit, needed_deposits
from portability.escrow.drills.chain_opening import open_chain
from portability.escrow.drills.report import LEVELS, Built, DrilledDeposit, DrillReport, DrillStep, Outcome, Restored
from portability.escrow.receiving.judging import moment_text
from portability.escrow.signed_files import read_bounded
from portability.limits import DEFAULT_LIMITS, Limits
from portability.restoring import RestoreRequest, restore_archive
from portability.sealing.contradictions import parse_time
from portability.sealing.encryption import Identity, PublicKey
from portability.sealing.manifest import MANIFEST_JSON
from portability.signing import Policy
from portability.staging import open_staging

if TYPE_CHECKING:
    from portability.checks.report import Report
    from portability.escrow.sources import BuildOutcome

__all__ = ["DrillRequest", "drill"]


@dataclass(frozen=True, kw_only=True)
class DrillRequest:
    """What is drilled.

    Attributes:
        folder: An agreement's folder, or one full deposit's.
        sequence: Which deposit; the newest when None.
        level: How far.
        identities: Of as many recipients as it takes, from v2 on.
        recipients: Those who were agreed, to compare with.
        target: v4, data: an empty database; a new SQLite file in the staging folder when None.
        isolation: v4, source: how the build is kept from the network; see ``portability.escrow.sources``.
        tools: v4, source: folders besides ``/usr`` that the build may read.
    """

    folder: Path
    staging: Path
    level: str = "v3"
    sequence: int | None = None
    identities: tuple[Identity, ...] = field(default=(), repr=False)
    policy: Policy | None = None
    recipients: dict[str, PublicKey] | None = None
    target: str | None = None
    isolation: Literal["namespaces", "insecure-none"] = "namespaces"
    tools: tuple[Path, ...] = ()
    workers: int = 2
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


def drill(request: DrillRequest) -> DrillReport:
    """Drill a deposit; what it holds never raises, it ends in the report.

    Raises:
        ConfigError: There is no such deposit or level, a key is lacking, or the staging folder cannot be used.
        SealError: A deposit that it takes is missing, or its signature is wrong: there is nothing to report on.
    """
    if request.level not in LEVELS:
        raise ConfigError(f"there is no level {request.level}", hint=f"Levels: {', '.join(LEVELS)}.")
    if LEVELS.index(request.level) >= LEVELS.index("v2") and not request.identities:
        hint = "Add --identity FILE with a recipient's private key; levels v0 and v1 need none."
        raise ConfigError(f"level {request.level} opens the deposit, and no key was given", hint=hint)
    deposits = needed_deposits(request.folder, sequence=request.sequence, policy=request.policy, limits=request.limits)
    with open_staging(request.staging) as private:
        return _Drill(request, deposits, private.path).run()


class _StoppedError(Exception):
    """A step failed; nothing above it is asked."""


class _Drill:
    """One run."""

    def __init__(self, request: DrillRequest, deposits: tuple[ChainedDeposit, ...], private: Path) -> None:
        self._request = request
        self._deposits = deposits
        self._private = private
        self._steps: list[DrillStep] = []
        self._reports: list[Report] = []
        self._restored: Restored | None = None
        self._built: Built | None = None
        self._started = monotonic_ns()

    def run(self) -> DrillReport:
        """Take each level in turn."""
        levels = LEVELS[: LEVELS.index(self._request.level) + 1]
        try:
            self._sealed("v1" if "v1" in levels else "v0")
            if "v2" in levels:
                self._sealed("v2")
            if "v3" in levels:
                self._contents(self._opened())
        except _StoppedError:
            pass
        done = {each.level for each in self._steps}
        for level in levels:
            if level not in done and not (level == "v0" and "v1" in done):
                self._steps.append(DrillStep(level=level, title="not reached", outcome="not run", duration_ms=0))
        return self._report()

    @property
    def _last(self) -> ChainedDeposit:
        return self._deposits[-1]

    @contextmanager
    def _step(self, level: str, title: str) -> Iterator[list[str]]:
        """Time a step; what is added to the list are its failures."""
        self._request.progress(title)
        began, failures = monotonic_ns(), list[str]()
        try:
            yield failures
        except ConfigError:
            raise
        except PortabilityError as error:
            failures.append(str(error))
        outcome: Outcome = "failed" if failures else "passed"
        duration = (monotonic_ns() - began) // 1_000_000
        self._steps.append(
            DrillStep(level=level, title=title, outcome=outcome, duration_ms=duration, details=tuple(failures))
        )
        if failures:
            raise _StoppedError

    def _sealed(self, level: str) -> None:
        previous: bytes | None = None
        titles = {"v0": "every byte is the one that was signed", "v1": "all that shows without a key is right"}
        for each in self._deposits:
            title = (
                f"deposit {each.sequence}: {titles.get(level, 'your keys open it, and parts of it hold what they say')}"
            )
            with self._step(level, title) as failures:
                report = verify_sealed(each.folder, level=level, request=self._sealed_request(level, previous))
                self._reports.append(report)
                failures += [f"{e.code} {e.text} ({e.place})" for e in report.of_severity("error")]
                if not report.ok and not failures:
                    failures.append("a step of the check was not done")
            previous = read_bounded(each.folder / MANIFEST_JSON)

    def _sealed_request(self, level: str, previous: bytes | None) -> SealedRequest:
        request = self._request
        return SealedRequest(
            policy=request.policy,
            previous=previous,
            recipients=request.recipients,
            identities=request.identities if level == "v2" else (),
            now=request.now,
            workers=request.workers,
        )

    def _opened(self) -> Path:
        with self._step("v3", "everything opens, and fits together"):
            return open_chain(
                self._deposits,
                self._private,
                identities=self._request.identities,
                policy=self._request.policy,
                limits=self._request.limits,
                progress=self._request.progress,
            )
        raise AssertionError("a step that fails does not come here")

    def _contents(self, root: Path) -> None:
        if self._last.manifest.deposit_class != "data":
            self._source(root)
            return
        with self._step("v3", "the archive is sound to the bottom") as failures:
            report = verify(
                root,
                level="deep",
                limits=self._request.limits,
                progress=self._request.progress,
                scratch_parent=self._private,
            )
            failures += [f"{e.code} {e.text} ({e.place})" for e in report.of_severity("error")]
        if self._request.level == "v4":
            self._restore(root)

    def _restore(self, root: Path) -> None:
        with self._step("v4", "restored into an empty database, control totals compared") as failures:
            url = self._request.target or f"sqlite:///{self._private / 'restored.db'}"
            report = restore_archive(
                RestoreRequest(
                    archive=root,
                    url=url,
                    unverified=True,  # it has just been verified, deeper than a restore would
                    limits=self._request.limits,
                    progress=self._request.progress,
                )
            )
            self._restored = Restored(
                dbms=report.target_dbms,
                tables=len(report.tables),
                rows=report.rows,
                totals_compared=report.totals.compared,
                totals_differing=len(report.totals.differences),
                totals_explained=len(report.totals.explained),
            )
            failures.extend(report.totals.differences)

    def _source(self, root: Path) -> None:
        from portability.escrow.sources import verify_source  # noqa: PLC0415 -- needed for source deposits only

        level: Literal["v3", "v4"] = "v4" if self._request.level == "v4" else "v3"
        title = (
            "it builds offline from the deposit alone" if level == "v4" else "repositories, objects and lists are whole"
        )
        with self._step(level, title) as failures:
            report = verify_source(
                root,
                level=level,
                isolation=self._request.isolation,
                tool_folders=self._request.tools,
                work=self._private,
                limits=self._request.limits,
            )
            self._built = None if report.build is None else _built(report.build)
            failures += [
                f"{each.name}: {'not done: ' if each.outcome == 'skipped' else ''}{each.text}"
                for each in report.checks
                if each.outcome != "passed"  # what was not done is not proven
            ]

    def _report(self) -> DrillReport:
        last = self._last.manifest
        failed = any(each.outcome != "passed" for each in self._steps)
        finished = datetime.now(UTC)
        proven = _names(self._reports, "proven_recipients")
        watermark = parse_time(last.chain.watermark or "")
        unproven = tuple(sorted({each.name for each in last.recipients} - proven))
        signer = self._reports[-1].signer.principals if self._reports and self._reports[-1].signer else ""
        warnings = _warnings(unproven, signer)
        age = None if watermark is None else max(0, int((self._request.now - watermark).total_seconds()))
        return DrillReport(
            agreement=last.chain.agreement or "",
            deposit_class=last.deposit_class,
            level=self._request.level,
            result="FAILED" if failed else "WARNED" if warnings else "PASSED",
            started_at=moment_text(self._request.now),
            finished_at=moment_text(finished),
            deposits=tuple(
                DrilledDeposit(
                    sequence=each.sequence,
                    kind=each.manifest.chain.kind,
                    manifest_sha256=each.authentic.manifest_sha256,
                )
                for each in self._deposits
            ),
            steps=tuple(self._steps),
            proven=tuple(sorted(proven)),
            unproven=unproven,
            signer=signer,
            watermark=last.chain.watermark or "",
            recovery_time_ms=None if failed else (monotonic_ns() - self._started) // 1_000_000,
            recovery_point_age_s=age,
            restored=self._restored,
            built=self._built,
            warnings=warnings,
        )


def _warnings(unproven: tuple[str, ...], signer: str) -> tuple[str, ...]:
    found = [f"{name}: their key opened nothing in this drill" for name in unproven]
    return (*found, *(() if signer else ("nobody was named who should have signed the deposits",)))


def _built(outcome: BuildOutcome) -> Built:
    return Built(
        outcome=outcome.outcome,
        isolation=outcome.isolation,
        interfaces=outcome.interfaces,
        command=outcome.command,
        exit_code=outcome.exit_code,
        duration_ms=round(outcome.duration_s * 1000),
        produced=dict(outcome.produced),
        log_sha256=outcome.log_sha256,
    )


def _names(reports: list[Report], fact: str) -> set[str]:
    """Return the recipients who opened every deposit that was opened: one that opens only some recovers nothing."""
    found = [set(report.facts[fact].split(", ")) - {"none"} for report in reports if fact in report.facts]
    return set.intersection(*found) if found else set()
