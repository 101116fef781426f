"""What a report is made of: the facts it is computed from, tables, charts, and one document for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from portability.auditing import Operator, OperatorRules
from portability.formats.readme.charts import Point
from portability.governing.calendars import local_day
from portability.governing.policies import Policy
from portability.governing.register import BrokenRequest, Request

__all__ = ["Chart", "Facts", "Found", "Report", "ReportTable", "broken_table", "make_point", "make_report"]

Found = Request | BrokenRequest


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table of a report; its last ``numeric`` columns hold numbers."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    numeric: int = 0
    empty: str = "None."


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Bars of a report: in the order of time, or each with a long label."""

    title: str
    points: tuple[Point, ...]
    upright: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report on a day."""

    name: str
    title: str
    as_of: date
    document: Mapping[str, Any]
    tables: tuple[ReportTable, ...]
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What reports are made of."""

    requests: Sequence[Found]
    as_of: date
    policies: Mapping[str, Policy] = field(default_factory=dict)
    operators: Sequence[Operator] = ()
    rules: OperatorRules = field(default_factory=OperatorRules)

    @property
    def whole(self) -> tuple[Request, ...]:
        """The requests that can be believed, as they stood on the day."""
        known = (each for each in self.requests if isinstance(each, Request))
        return tuple(each for each in known if local_day(each.course.events[0].at) <= self.as_of)

    @property
    def broken(self) -> tuple[BrokenRequest, ...]:
        """The requests that cannot."""
        return tuple(each for each in self.requests if isinstance(each, BrokenRequest))


def make_report(
    name: str,
    title: str,
    facts: Facts,
    document: Mapping[str, Any],
    tables: Sequence[ReportTable],
    charts: Sequence[Chart] = (),
) -> Report:
    """Return a report; its document begins with its name and day."""
    whole = {"report": name, "as_of": facts.as_of.isoformat(), **document}
    return Report(name=name, title=title, as_of=facts.as_of, document=whole, tables=tuple(tables), charts=tuple(charts))


def broken_table(facts: Facts) -> tuple[ReportTable, ...]:
    """Return a table of the requests that cannot be believed, if there are any."""
    rows = tuple((each.text, each.problem) for each in facts.broken)
    table = ReportTable(
        caption="Requests that are not as they were signed: in none of the numbers here",
        header=("Number", "What is wrong"),
        rows=rows,
    )
    return (table,) if rows else ()


def make_point(label: str, count: int) -> Point:
    """Return a bar."""
    return Point(label=label, value=Decimal(count), shown=str(count))
