"""The verifier of the sealed form: numbered steps in four levels, in the order in which one may be believed.

``verify_sealed`` never raises for what a sealed archive holds: whatever is wrong ends in a code. It fails closed: a
step that was not done is no success. Levels v0 and v1 need no key; v2 and v3 need a recipient's. What level v3 opens
lies in a private staging directory, which is removed afterwards and, after a kill, by the next run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portability.checks.codes import SEALED_FAMILY, SEALED_LEVELS
from portability.checks.report import Log, Report, StepRecord
from portability.checks.sealed import agreement, chain, contents, headers, integrity, opening
from portability.checks.sealed.case import SealedCase, SealedRequest
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.checks.sealed.case import SealedStep

__all__ = ["SEALED_STEPS", "verify_sealed"]

_LEVELS: dict[str, tuple[SealedStep, ...]] = {
    "v0": (*integrity.STEPS, *chain.STEPS),
    "v1": (*agreement.STEPS, *headers.STEPS),
    "v2": opening.STEPS,
    "v3": contents.STEPS,
}
SEALED_STEPS: tuple[tuple[str, SealedStep], ...] = tuple((level, step) for level in _LEVELS for step in _LEVELS[level])
"""Every step with its level, in order; a step's number is its place here, counted from 1."""

_KEYLESS = ("v0", "v1")


def verify_sealed(
    root: Path,
    *,
    level: str,
    request: SealedRequest,
    staging: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check a sealed archive.

    Args:
        root: Its directory or tar.
        level: ``v0`` (every byte, signature, chain), ``v1`` (and what shows without a key), ``v2`` (and a recipient's
            key, random parts) or ``v3`` (and everything inside).
        request: What it is checked against.
        staging: The directory in which level v3 keeps plaintext meanwhile; the system's own for temporary files when
            None.
        limits: Bounds on everything that is read.
        progress: Told what is being looked at.

    Raises:
        ConfigError: A level that opens was asked for without a key, or ``staging`` cannot be used.
        ValueError: There is no such level.
    """
    if level not in SEALED_LEVELS:
        raise ValueError(f"there is no level {level!r}")
    if level not in _KEYLESS and not request.identities:
        hint = "Add --identity FILE with a recipient's private key; levels v0 and v1 need none."
        raise ConfigError(f"level {level} opens the sealed archive, and no key was given", hint=hint)
    log = Log(limits.finding_examples)
    root = root.absolute().resolve()
    case = SealedCase(
        root, request=request, limits=limits, log=log, staging=staging, progress=progress or (lambda _: None)
    )
    with case:
        records = _run_steps(case, SEALED_LEVELS.index(level))
    return Report(
        root=root,
        level=level,
        steps=records,
        findings=log.findings(),
        totals=case.totals,
        signer=case.signer,
        facts=case.facts,
    )


def _run_steps(case: SealedCase, level: int) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    failed_at, ended = level + 1, False  # no level is believed above one that failed
    for number, (name, step) in enumerate(SEALED_STEPS, 1):
        place = SEALED_LEVELS.index(name)
        if place > level:
            continue
        lacks = ""
        if ended or place > failed_at:
            outcome = "not run"
        else:
            outcome = _run(case, number, step)
            failed_at = min(failed_at, place) if outcome == "failed" else failed_at
            ended = outcome == "failed" and step.gate
            if outcome == "passed" and step.needs and step.needs not in case.request.given:
                outcome, lacks = "not run", step.needs
        records.append(StepRecord(number=number, family=SEALED_FAMILY, title=step.title, outcome=outcome, lacks=lacks))
    return tuple(records)


def _run(case: SealedCase, number: int, step: SealedStep) -> str:
    case.progress(f"{number}. {step.title}")
    errors = case.log.errors
    try:
        step.check(case)
    except ConfigError:
        raise  # what the caller gave cannot be used, which says nothing of the archive
    except OSError as error:
        place = Path(error.filename).name if isinstance(error.filename, str) else step.title
        case.log.add("X192", place, [error.strerror or type(error).__name__])
    except Exception as error:  # noqa: BLE001 -- a fault of ours or of a library must refuse the archive, not stop the check
        case.log.add("X191", step.title, [type(error).__name__])
    return "failed" if case.log.errors > errors else "passed"
