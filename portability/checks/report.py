"""What a check found: the Report, and the Log that a running check writes into.

Identical problems are grouped by code and place: a count and the first examples. So a report stays small however
damaged or hostile an archive is. Examples come from the archive and are made printable; they never hold a value of a
client's record, only names of files, tables and columns, keys of canonical rows, and row numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from portability import errors
from portability.checks.codes import SEVERITIES, load_codes
from portability.checks.page import report_html
from portability.manifest import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from portability.checks.scope.rows import ScopeTable
    from portability.signing import Signer

__all__ = ["Log", "Report", "StepRecord", "printable"]

_PLACES_MAX = 200  # places told apart for one code
_OTHER_PLACES = "(other places)"
_TEXT_MAX = 240
_FAULTS_OF_OURS = {"C191", "X191"}  # a step itself ended unexpectedly


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One numbered step.

    ``outcome``: passed, failed (it found an error) or not run: an earlier step failed, or ``lacks`` names the option
    that it compares with and that was not given.
    """

    number: int
    family: str
    title: str
    outcome: str
    lacks: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcome of a check.

    ``totals`` counts what was looked at: files, octets, documents, tables, rows, entities, rules. ``signer`` is who
    signed, when somebody was named and it was one of them. ``facts`` are what else a reader of the report needs: of a
    sealed archive its manifest's hash, when it was sealed, whose keys were proven. ``scope`` counts, of an archive of a
    scope, the rows of each table by the ground on which they are there.
    """

    root: Path
    level: str
    steps: tuple[StepRecord, ...]
    findings: tuple[Finding, ...]
    totals: dict[str, int]
    signer: Signer | None = None
    facts: dict[str, str] = field(default_factory=dict)
    scope: tuple[ScopeTable, ...] = ()

    @property
    def name(self) -> str:
        """The archive's own name, printable; where it lies is nobody's business."""
        return printable(self.root.name)

    @property
    def ok(self) -> bool:
        """Whether every step of the level that could be done was done, and none found an error."""
        passed = [step for step in self.steps if step.outcome == "passed"]
        unasked = [step for step in self.steps if step.outcome == "not run" and step.lacks]
        done = bool(passed) and len(passed) + len(unasked) == len(self.steps)
        return done and not self.of_severity("error")

    @property
    def unchecked(self) -> bool:
        """Whether nothing stands against the archive but a fault of the check itself: that is no verdict on it."""
        errors_found = self.codes("error")
        return bool(errors_found) and errors_found <= _FAULTS_OF_OURS

    @property
    def not_given(self) -> dict[str, tuple[int, ...]]:
        """The numbers of the steps that were not run for want of an option, by the option's name."""
        names = dict.fromkeys(step.lacks for step in self.steps if step.lacks)
        return {name: tuple(step.number for step in self.steps if step.lacks == name) for name in names}

    def of_severity(self, severity: str) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(each for each in self.findings if each.severity == severity)

    def codes(self, *severities: str) -> set[str]:
        """Return the codes raised, of the given severities or of all."""
        return {each.code for each in self.findings if not severities or each.severity in severities}

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "archive": self.name,
            "level": self.level,
            "ok": self.ok,
            "counts": {severity: len(self.of_severity(severity)) for severity in SEVERITIES},
            "signer": None if self.signer is None else self.signer.to_dict(),
            "totals": dict(self.totals),
            "facts": dict(self.facts),
            **({"scope": [vars(each).copy() for each in self.scope]} if self.scope else {}),
            "steps": [vars(step).copy() for step in self.steps],
            "findings": [_finding_json(each) for each in self.findings],
        }

    def to_html(self) -> str:
        """Return the report as one self-contained page."""
        return report_html(self)


def _finding_json(finding: Finding) -> dict[str, Any]:
    plain = vars(finding) | {"examples": list(finding.examples)}
    return plain | {"mend": load_codes()[finding.code].mend}


@dataclass
class _Group:
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Log:
    """Where checks write what they find while they run.

    Args:
        examples_max: Examples kept of each group.
    """

    def __init__(self, examples_max: int) -> None:
        self._examples_max = examples_max
        self._groups: dict[str, dict[str, _Group]] = {}
        self._codes = load_codes()
        self.errors = 0

    def add(self, code: str, place: str, examples: Iterable[str] = (), *, count: int = 1) -> None:
        """Note a problem.

        Args:
            code: As in the registry.
            place: The file, table or entity; what is told apart within one is an example.
            examples: What exactly, the first few.
            count: How often.
        """
        places = self._groups.setdefault(code, {})
        place = printable(place)
        group = places.setdefault(place if place in places or len(places) < _PLACES_MAX else _OTHER_PLACES, _Group())
        group.count += count
        room = self._examples_max - len(group.examples)
        group.examples += [printable(example) for example, _ in zip(examples, range(room), strict=False)]
        if self._codes[code].severity == "error":
            self.errors += 1

    def has(self, *codes: str) -> bool:
        """Tell whether one of these codes has been noted."""
        return any(code in self._groups for code in codes)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found: the worst severity first, then by code and place."""
        found = [self._finding(code, place) for code, places in self._groups.items() for place in places]
        return tuple(sorted(found, key=lambda each: (SEVERITIES.index(each.severity), each.code, each.place)))

    def _finding(self, code: str, place: str) -> Finding:
        group, entry = self._groups[code][place], self._codes[code]
        return Finding(
            code=code,
            severity=entry.severity,
            place=place,
            text=entry.title,
            count=group.count,
            examples=tuple(group.examples),
        )


def printable(text: str) -> str:
    """Return a text without characters that a terminal or a page could obey, and not too long."""
    shown = errors.printable(text[:_TEXT_MAX])
    return shown if len(text) <= _TEXT_MAX else f"{shown} ..."
