"""D: coverage. Every column of the source is accounted for, once, with a fate that the format knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from portability.archive import COVERAGE_JSON

if TYPE_CHECKING:
    from portability.checks.case import Case

__all__ = ["check_coverage"]

_FATES = ("mapped", "carried", "excluded")
_EXAMPLES_MAX = 100


class _ColumnFate(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: str


class _TableFate(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    name: str
    columns: list[_ColumnFate]


class _Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """As much of reports/coverage.json as has to hold; how it is traced is the mapping's affair."""

    tables: list[_TableFate]


def check_coverage(case: Case) -> None:
    """Compare reports/coverage.json with the columns of the source (D229)."""
    try:
        coverage = msgspec.convert(case.json[COVERAGE_JSON], _Coverage)
    except msgspec.ValidationError as error:
        case.log.add("D229", COVERAGE_JSON, [str(error)])
        return
    told = [(t.schema, t.name, c.name) for t in coverage.tables for c in t.columns]
    real = {(t.schema, t.name, c.name) for t in case.source.tables for c in t.columns}
    wrong = sorted(".".join(key) for key in real.symmetric_difference(told))
    wrong += [f"{t.name}.{c.name} is {c.status}" for t in coverage.tables for c in t.columns if c.status not in _FATES]
    if len(told) != len(set(told)):
        wrong.append("a column stands twice")
    if wrong:
        case.log.add("D229", COVERAGE_JSON, wrong[:_EXAMPLES_MAX], count=len(wrong))
