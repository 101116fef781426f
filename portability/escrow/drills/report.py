"""What a drill found, as plain data: each step with its outcome and its time, and what a partner wants to know.

Recovery time is what this run took from the first byte to the database (or the build), on this machine; recovery point
is how old the data was at the drill: everything since the watermark would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LEVELS", "Built", "DrillReport", "DrillResult", "DrillStep", "DrilledDeposit", "Restored"]

LEVELS = ("v0", "v1", "v2", "v3", "v4")
Outcome = Literal["passed", "failed", "not run"]
DrillResult = Literal["PASSED", "WARNED", "FAILED"]
"""in-toto's words, in the statement, on the page, in the catalogue and on the command line alike."""


@dataclass(frozen=True, kw_only=True)
class DrillStep:
    """One step: what was asked, how it ended, how long it took."""

    level: str
    title: str
    outcome: Outcome
    duration_ms: int
    details: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restored database holds, beside what the archive promises."""

    dbms: str
    tables: int
    rows: int
    totals_compared: int
    totals_differing: int
    totals_explained: int


@dataclass(frozen=True, kw_only=True)
class Built:
    """What became of an offline build: where it ran, which network interfaces it could see, what it produced."""

    outcome: str
    isolation: str
    interfaces: tuple[str, ...] | None
    command: tuple[str, ...]
    exit_code: int | None
    duration_ms: int
    produced: dict[str, str]  # file -> SHA-256
    log_sha256: str


@dataclass(frozen=True, kw_only=True)
class DrilledDeposit:
    """A deposit that was used, by its manifest."""

    sequence: int
    kind: str
    manifest_sha256: str


@dataclass(frozen=True, kw_only=True)
class DrillReport:
    """A drill, dated.

    Attributes:
        result: WARNED when all passed, and ``warnings`` say what is not known all the same.
        unproven: Recipients whose keys opened nothing in this drill: nobody knows whether they could.
        recovery_time_ms: From the start to the end of the last step; None when it did not come to the last.
        recovery_point_age_s: The age of the data at the start; None when the deposit has no watermark.
    """

    agreement: str
    deposit_class: str
    level: str
    result: DrillResult
    started_at: str
    finished_at: str
    deposits: tuple[DrilledDeposit, ...]
    steps: tuple[DrillStep, ...]
    proven: tuple[str, ...]
    unproven: tuple[str, ...]
    signer: str
    watermark: str
    recovery_time_ms: int | None
    recovery_point_age_s: int | None
    restored: Restored | None = None
    built: Built | None = None
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything asked for was done and is right; a warning may stand beside that."""
        return self.result != "FAILED"
