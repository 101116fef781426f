"""The verifier: numbered steps over an archive, in the order in which one may be believed after the other.

``verify`` never raises for what an archive holds: whatever is wrong ends in a code. It fails closed: a step that was
not done, for whatever reason, is no success. It writes nothing but a private scratch directory, which it removes. The
archive must not change while it is checked.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from portability.archive import VerifiedArchive
from portability.checks import container, description, documents, legal_rules, source_layer
from portability.checks.case import Case
from portability.checks.codes import FAMILIES, LEVELS
from portability.checks.report import Log, Report, StepRecord
from portability.checks.scope import SCOPE_JSON
from portability.checks.scope import STEPS as SCOPE_STEPS
from portability.errors import CheckFailedError
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.checks.steps import Step
    from portability.signing import Policy

__all__ = ["STEPS", "refuse_errors", "require", "verify"]

_FAMILIES: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("C", container.STEPS),
    ("D", description.STEPS),
    ("F", documents.STEPS),
    ("S", source_layer.STEPS),
    ("L", legal_rules.STEPS),
    ("R", SCOPE_STEPS),
)
STEPS: tuple[tuple[str, Step], ...] = tuple((family, step) for family, steps in _FAMILIES for step in steps)
"""Every step with its family, in order; a step's number is its place here, counted from 1."""

_SCOPE_FAMILY = "R"

# The other families read what these vouch for and describe: nothing in them may be wrong by then.
_BELIEVED_FAMILIES = {"C", "D"}


def verify(  # noqa: PLR0913 -- what a check can be told
    root: Path,
    *,
    level: str,
    signer: Policy | None = None,
    scope: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] | None = None,
    scratch_parent: Path | None = None,
) -> Report:
    """Check an archive.

    Args:
        root: The archive's directory.
        level: ``quick`` (fixity), ``full`` (and description, documents) or ``deep`` (and every row).
        signer: Who must have signed it; a signature that is there must be right even when nobody is named.
        scope: The canonical form of the scope that the archive must be of. Without one, an archive that has a scope is
            held against its own at level ``deep``.
        limits: Bounds on everything that is read.
        progress: Told what is being looked at: the step, then files, tables and rules.
        scratch_parent: Where the scratch directory is made, which may hold parts of the archive; the system's own
            directory for temporary files when None.

    Raises:
        ValueError: There is no such level, or rows were to be followed at a level that does not read them.
    """
    if level not in LEVELS:
        raise ValueError(f"there is no level {level!r}")
    if scope is not None and level == LEVELS[0]:
        raise ValueError("a scope is checked at level full or deep")
    log = Log(limits.finding_examples)
    with tempfile.TemporaryDirectory(
        prefix="portability-check-", dir=scratch_parent, ignore_cleanup_errors=True
    ) as scratch:
        where, tell = root.absolute().resolve(), progress or (lambda _: None)
        case = Case(where, limits=limits, log=log, scratch=Path(scratch), policy=signer, scope=scope, progress=tell)
        with case:
            records = _run_steps(case, LEVELS.index(level))
    return Report(
        root=root,
        level=level,
        steps=records,
        findings=log.findings(),
        totals=case.totals,
        signer=case.signer,
        facts=case.facts,
        scope=tuple(case.scoped.tables) if case.scoped is not None else (),
    )


def _run_steps(case: Case, level: int) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    refuted: set[str] = set()  # families in which a step failed
    for number, (family, step) in enumerate(STEPS, 1):
        if LEVELS.index(FAMILIES[family]) > level or (family == _SCOPE_FAMILY and not _has_scope(case, level)):
            continue
        lacks = ""
        if refuted & (_BELIEVED_FAMILIES - {family}) or f"{family} ended" in refuted:
            outcome = "not run"
        else:
            outcome = _run(case, number, step)
            refuted |= {family} if outcome == "failed" else set()
            refuted |= {f"{family} ended"} if outcome == "failed" and step.gate else set()
            if outcome == "passed" and step.needs and not _is_given(case, step.needs):
                outcome, lacks = "not run", step.needs
        records.append(StepRecord(number=number, family=family, title=step.title, outcome=outcome, lacks=lacks))
    return tuple(records)


def _has_scope(case: Case, level: int) -> bool:
    if case.scope_given is not None:
        return True
    return level == len(LEVELS) - 1 and (case.data / SCOPE_JSON).is_file()


def _is_given(case: Case, option: str) -> bool:
    return (case.scope_given if option == "scope" else case.policy) is not None


def _run(case: Case, number: int, step: Step) -> str:
    case.progress(f"{number}. {step.title}")
    errors = case.log.errors
    try:
        step.check(case)
    except OSError as error:
        place = Path(error.filename).name if isinstance(error.filename, str) else step.title
        case.log.add("C192", place, [error.strerror or type(error).__name__])
    except Exception as error:  # noqa: BLE001 -- a fault of ours or of a library must refuse the archive, not stop the check
        case.log.add("C191", step.title, [type(error).__name__])
    return "failed" if case.log.errors > errors else "passed"


def require(report: Report) -> VerifiedArchive:
    """Return the archive of a report without errors, for whoever accepts verified archives only.

    Raises:
        CheckFailedError: The report has errors, or steps that were not done; it carries the report.
    """
    refuse_errors(report)
    return VerifiedArchive(report.root, level=report.level, signer=report.signer)


def refuse_errors(report: Report) -> None:
    """Go on only with a report without errors, of a plain or a sealed archive.

    Raises:
        CheckFailedError: The report has errors, or steps that were not done; it carries the report.
    """
    if not report.ok:
        errors = report.of_severity("error")
        first = f"{errors[0].code} {errors[0].text} ({errors[0].place})" if errors else "not every step was done"
        message = f"the archive is refused: {len(errors)} kinds of error, the first: {first}"
        hint = "The report lists every error with what mends it."
        if report.unchecked:
            message = f"the archive could not be checked: {first}"
            hint = "This is a fault of the program and says nothing of the archive: report it with the step's name."
        raise CheckFailedError(message, report=report, place=str(report.root), hint=hint)
