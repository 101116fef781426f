"""L: what the rules find is what reports/findings.json says they find, neither fewer nor more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.archive import FINDINGS_JSON
from portability.checks.rules import RuleError, rule_findings
from portability.checks.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.checks.case import Case
    from portability.manifest import Finding

__all__ = ["STEPS"]


def _check_rules(case: Case) -> None:
    if not any(path.startswith("tables/") for path in case.tables):
        case.log.add("L493", "tables/")
    case.totals["rules"] = len(case.model.rules)
    try:
        found = rule_findings(
            case.engine,
            case.model,
            case.source,
            case.data,
            examples_max=case.limits.finding_examples,
            progress=case.progress,
        )
    except RuleError as error:
        case.log.add("L492", error.place, [error.message])
        return
    for each in found:
        # What a scope left out makes a note of an error; it stands in reports/findings.json and is compared below.
        if each.severity != "note":
            case.log.add(each.code, each.place, each.examples, count=each.count)
    _compare(case, found)


def _compare(case: Case, found: Iterable[Finding]) -> None:
    recomputed = {(each.code, each.place): each.count for each in found}
    listed = [each for each in case.claimed.findings if each.code.startswith("L")]
    claimed = {(each.code, each.place): each.count for each in listed}
    if len(claimed) != len(listed):
        case.log.add("L491", FINDINGS_JSON, ["a finding stands twice"])
    for code, place in sorted(recomputed.keys() | claimed.keys()):
        counts = claimed.get((code, place), 0), recomputed.get((code, place), 0)
        if counts[0] != counts[1]:
            case.log.add("L491", FINDINGS_JSON, [f"{code} {place}: {counts[0]} listed, {counts[1]} found"])


STEPS = (Step(title="The model's rules find what reports/findings.json says", check=_check_rules, gate=False),)
