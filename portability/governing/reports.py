"""Reports on requests, releases, complaints and policy documents, as tables, charts and one document for programs.

Everything in them is computed from the signed steps. A report of the visible register holds nothing of the silent one,
not even a number; one of the silent register is made only for who can open it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from portability.governing.calendars import local_day
from portability.governing.register import Request
from portability.governing.report_parts import (
    Chart,
    Facts,
    Report,
    ReportTable,
    broken_table,
    make_point,
    make_report,
)

if TYPE_CHECKING:
    from portability.governing.events import Event

__all__ = ["REPORTS", "Facts", "Report"]

_AGES = ((7, "up to 7 days"), (30, "8 to 30 days"), (90, "31 to 90 days"))
_OLDER = "over 90 days"
_MONTHS = 12
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _requests(facts: Facts) -> Report:
    rows = [_request_row(request, facts.as_of) for request in facts.whole]
    live = [row for row in rows if row["open"]]
    breaches = [(row, clock) for row in rows for clock in row["clocks"] if clock["breached"]]
    states = Counter((row["kind"], row["state"]) for row in live)
    ages = Counter(_age_band(row["age_days"]) for row in live)
    bands = [*(label for _, label in _AGES), _OLDER]
    tables = (
        ReportTable(
            caption="Open requests",
            header=("Number", "Kind", "Customer", "State", "Next", "Due", "Age in days"),
            rows=tuple(
                (r["number"], r["kind"], r["customer"], r["state"], ", ".join(r["next"]), r["due"] or "", r["age_days"])
                for r in live
            ),
            numeric=1,
            empty="No request is open.",
        ),
        ReportTable(
            caption="Clock breaches",
            header=("Number", "Kind", "Clock", "Due", "Stopped", "State"),
            rows=tuple(
                (row["number"], row["kind"], clock["title"], clock["due_on"], clock["stopped_on"] or "", clock["state"])
                for row, clock in breaches
            ),
            empty="No clock was missed.",
        ),
        ReportTable(
            caption="Open requests by kind and state",
            header=("Kind", "State", "Requests"),
            rows=tuple((kind, state, count) for (kind, state), count in sorted(states.items())),
            numeric=1,
            empty="No request is open.",
        ),
        *broken_table(facts),
    )
    broken = [b.text for b in facts.broken]
    document = {"requests": rows, "open": len(live), "breaches": len(breaches), "broken": broken}
    kinds = Counter(str(row["kind"]) for row in live)
    charts = (
        Chart(title="Open requests by age", points=tuple(make_point(band, ages[band]) for band in bands)),
        Chart(
            title="Open requests by kind",
            points=tuple(make_point(k.replace("_", " "), kinds[k]) for k in sorted(kinds)),
        ),
    )
    return make_report("requests", "Requests", facts, document, tables, charts if live else ())


def _request_row(request: Request, today: date) -> dict[str, Any]:
    course = request.course
    first = course.events[0]
    opened = date.fromisoformat(first.fields.get("received_on") or local_day(first.at).isoformat())
    ended = local_day(course.ended_by.at) if course.ended_by is not None else None
    clocks = [
        {
            "name": clock.name,
            "title": clock.title,
            "state": clock.state,
            "due_on": _text(clock.due_on),
            "stopped_on": _text(clock.stopped_on),
            "breached": clock.breached,
        }
        for clock in course.clocks(today)
    ]
    running = sorted(str(clock["due_on"]) for clock in clocks if clock["state"] in ("running", "overdue"))
    return {
        "number": request.text,
        "kind": course.kind.name,
        "customer": request.customer,
        "state": course.state,
        "open": course.is_open,
        "next": [step.name for step in course.due()],
        "opened_on": opened.isoformat(),
        "closed_on": _text(ended),
        "age_days": ((ended or today) - opened).days,
        "due": running[0] if running else None,
        "clocks": clocks,
    }


def _releases(facts: Facts) -> Report:
    rows = [_release_row(request, event) for request in facts.whole for event in _released(request)]
    columns = ("number", "kind", "customer", "released_at", "released_by", "approved_by", "recipient", "channel")
    header = ("Number", "Kind", "Customer", "Released", "By", "Approved by", "Recipient", "Channel", "Purpose", "Basis")
    table = ReportTable(
        caption="Releases",
        header=header,
        rows=tuple((*(row[name] for name in columns), row["purpose"], row["lawful_basis"]) for row in rows),
        empty="Nothing was released.",
    )
    contents = ReportTable(
        caption="What was released, by its hash",
        header=("Number", "Form", "SHA-256", "Scope (SHA-256)", "Files", "Bytes"),
        rows=tuple(
            (r["number"], r["form"], r["artefact_sha256"], r["scope_sha256"] or "whole source", r["files"], r["bytes"])
            for r in rows
        ),
        numeric=2,
        empty="Nothing was released.",
    )
    return make_report("releases", "Releases", facts, {"releases": rows}, (table, contents, *broken_table(facts)))


def _released(request: Request) -> list[Event]:
    steps = {step.name for step in request.course.kind.course if step.does == "release"}
    return [event for event in request.course.events if event.step in steps]


def _release_row(request: Request, event: Event) -> dict[str, Any]:
    kind = request.course.kind
    approvals = {step.name for step in kind.course if step.approves}
    approved = [each for each in request.course.events if each.step in approvals and each.sequence < event.sequence]
    made = event.artefact
    return {
        "number": request.text,
        "kind": kind.name,
        "customer": request.customer,
        "released_at": event.at.astimezone(UTC).isoformat(timespec="seconds"),
        "released_by": event.operator,
        "approved_by": approved[-1].operator if approved else "",
        "recipient": event.fields.get("recipient", ""),
        "channel": event.fields.get("channel", ""),
        "purpose": kind.purpose,
        "lawful_basis": kind.lawful_basis,
        "scope_sha256": event.scope_sha256,
        "form": made.form if made is not None else "",
        "artefact_sha256": made.sha256 if made is not None else "",
        "files": made.files if made is not None else 0,
        "bytes": made.size_bytes if made is not None else 0,
    }


def _complaints(facts: Facts) -> Report:
    rows = [_complaint_row(request, facts.as_of) for request in facts.whole if request.course.kind.name == "complaint"]
    months = _last_months(facts.as_of)
    categories = sorted({str(row["category"]) for row in rows})
    cells = Counter((row["category"], row["month"]) for row in rows)
    by_month, by_category = Counter(row["month"] for row in rows), Counter(row["category"] for row in rows)
    earlier = _before(rows, months[0])
    lines = [_line(month, *(cells[each, month] for each in categories), by_month[month]) for month in months]
    lines.append(_line("earlier", *(_before(rows, months[0], each) for each in categories), earlier))
    lines.append(_line("all", *(by_category[each] for each in categories), len(rows)))
    trend = ReportTable(
        caption="Complaints by month and category",
        header=("Month", *categories, "All"),
        rows=tuple(lines) if rows else (),
        numeric=len(categories) + 1,
        empty="There was no complaint.",
    )
    register = ReportTable(
        caption="Register of complaints",
        header=("Number", "Received", "Category", "State", "Finding", "Answer", "Clocks missed"),
        rows=tuple(
            (r["number"], r["received_on"], r["category"], r["state"], r["finding"], r["answer"], r["missed"])
            for r in rows
        ),
        numeric=1,
        empty="There was no complaint.",
    )
    charts = (
        Chart(
            title=f"By month, {months[0]} to {months[-1]}",
            points=tuple(make_point(_NAMES[int(m[5:]) - 1], by_month[m]) for m in months),
            upright=True,
        ),
        Chart(title="By category", points=tuple(make_point(c, by_category[c]) for c in categories)),
    )
    counts = {category: {m: cells[category, m] for m in months} for category in categories}
    document = {"complaints": rows, "months": list(months), "by_category": counts, "earlier": earlier}
    return make_report(
        "complaints", "Complaints", facts, document, (trend, register, *broken_table(facts)), charts if rows else ()
    )


def _line(name: str, *counts: int) -> tuple[str | int, ...]:
    return (name, *counts)


def _before(rows: Sequence[Mapping[str, Any]], month: str, category: str | None = None) -> int:
    return sum(1 for row in rows if row["month"] < month and category in (None, row["category"]))


def _complaint_row(request: Request, today: date) -> dict[str, Any]:
    course = request.course
    first, recorded = course.events[0], course.recorded
    received = first.fields.get("received_on") or local_day(first.at).isoformat()

    def said(step: str, name: str) -> str:
        return recorded[step].fields.get(name, "") if step in recorded else ""

    return {
        "number": request.text,
        "received_on": received,
        "month": received[:7],
        "category": first.fields.get("category", ""),
        "state": course.state,
        "open": course.is_open,
        "finding": said("investigated", "finding"),
        "answer": said("answered", "answer"),
        "mediation": said("mediated", "outcome"),
        "missed": sum(1 for clock in course.clocks(today) if clock.breached),
    }


def _policies(facts: Facts) -> Report:
    policies = [each for each in facts.policies.values() if not each.retired]
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "title": each.title,
            "reviewed_on": each.reviewed_on.isoformat(),
            "reviewed_by": each.reviewed_by,
            "review_by": each.review_by.isoformat(),
            "overdue_days": max(0, (facts.as_of - each.review_by).days),
            "sha256": each.sha256,
        }
        for each in sorted(policies, key=lambda each: (each.review_by, each.name))
    ]
    overdue = [row for row in rows if row["overdue_days"]]
    people = _lapsed(facts)
    tables = (
        ReportTable(
            caption="Past their review date",
            header=("Policy", "Title", "Reviewed", "By", "Review by", "Days over"),
            rows=tuple(
                (r["name"], r["title"], r["reviewed_on"], r["reviewed_by"], r["review_by"], r["overdue_days"])
                for r in overdue
            ),
            numeric=1,
            empty="None is past its review date.",
        ),
        ReportTable(
            caption="All policy documents",
            header=("Policy", "Title", "Reviewed", "By", "Review by"),
            rows=tuple((r["name"], r["title"], r["reviewed_on"], r["reviewed_by"], r["review_by"]) for r in rows),
            empty="No policy document is registered.",
        ),
        ReportTable(
            caption="Operators whose agreement or training has lapsed",
            header=("Operator", "Roles", "Agreement", "Training", "What is wrong"),
            rows=tuple((p["name"], p["roles"], p["agreement"], p["training"], p["problem"]) for p in people),
            empty="Nobody's has.",
        ),
    )
    document = {"policies": rows, "overdue": [row["name"] for row in overdue], "operators": people}
    return make_report("policies", "Policy documents and training", facts, document, tables)


def _lapsed(facts: Facts) -> list[dict[str, str]]:
    moment = datetime.combine(facts.as_of, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    return [
        {
            "name": each.name,
            "roles": ", ".join(sorted(each.roles)),
            "agreement": _text(each.agreement_date) or "none",
            "training": _text(each.training_date) or "none",
            "problem": problem,
        }
        for each in sorted(facts.operators, key=lambda each: each.name)
        if each.valid_until is None or each.valid_until > moment
        if (problem := facts.rules.bar(each, moment))
    ]


REPORTS: Mapping[str, Callable[[Facts], Report]] = {
    "requests": _requests,
    "releases": _releases,
    "complaints": _complaints,
    "policies": _policies,
}


def _last_months(day: date) -> tuple[str, ...]:
    last = day.year * 12 + day.month - 1
    return tuple(f"{at // 12:04d}-{at % 12 + 1:02d}" for at in range(last - _MONTHS + 1, last + 1))


def _age_band(days: int) -> str:
    return next((label for most, label in _AGES if days <= most), _OLDER)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
