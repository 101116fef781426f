"""What the commands on requests say."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from portability.catalogue import moment_text, now
from portability.errors import ProcedureError
from portability.governing import BrokenRequest, Request
from portability.governing.calendars import local_day
from portability.plurals import counted
from portability.scoping import Scope, canonical_scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.governing import Event, Kind
    from portability.governing.checking import RegisterReport
    from portability.governing.kinds import Step
    from portability.output import Output

__all__ = ["checked", "kinds", "listing", "recorded", "show"]


def recorded(output: Output, request: Request) -> None:
    """Tell what was recorded, and what comes next."""
    output.result(_document(request))
    event = request.course.events[-1]
    output.line(f"{request.text}: {event.step} recorded by {event.operator}")
    _next(output, request)


def show(output: Output, request: Request, scope: Scope | None) -> None:
    """Show a request in full, with what its scope names: who approves must see whose data leaves."""
    course = request.course
    named = None if scope is None else msgspec.json.decode(canonical_scope(scope))
    output.result(_document(request) | {"scope": named})
    output.line(f"{request.text}  {course.kind.title}  {request.customer}")
    output.line(f"State: {course.state}" + ("" if course.is_open else " (closed)"))
    output.line("Scope: " + _scope(request))
    if scope is not None:
        output.line("Names: " + canonical_scope(scope).decode("utf-8"))
    if course.artefact is not None:
        output.line(f"Made:  {course.artefact.form} {course.artefact.sha256}")
    rows = [(each.sequence, each.step, moment_text(each.at)[:19], each.operator, _said(each)) for each in course.events]
    output.table("Steps", ("#", "step", "at (UTC)", "operator", "says and proves"), rows)
    clocks = course.clocks(_today())
    if clocks:
        output.table("Clocks", ("clock", "state", "due"), [(c.title, c.state, c.due_on) for c in clocks])
    _next(output, request)


def listing(output: Output, found: Sequence[Request | BrokenRequest], *, everything: bool, kind: str | None) -> None:
    """List requests."""
    whole = [each for each in found if isinstance(each, Request)]
    shown = [r for r in whole if (everything or r.course.is_open) and kind in (None, r.course.kind.name)]
    broken = [each for each in found if isinstance(each, BrokenRequest)]
    output.result(
        {
            "requests": [_line(each) for each in shown],
            "broken": [{"number": each.text, "problem": each.problem} for each in broken],
        }
    )
    columns = ("number", "kind", "customer", "state", "next", "due")
    rows = [tuple(_cell(_line(each)[name]) for name in columns) for each in shown]
    if rows:
        output.table("", columns, rows)
    elif not broken:
        output.line("No request.")
    for each in broken:
        output.line(f"{each.text} is not as it was signed: {each.problem}")


def checked(output: Output, report: RegisterReport) -> None:
    """Tell what a check found."""
    output.result(report)
    requests, steps = counted(report.requests, "request"), counted(report.steps, "step")
    output.line(f"{requests}, {steps}, {counted(report.evidence, 'file')} of evidence")
    for problem in report.problems:
        output.line(f"  {problem}")
    if not report.problems:
        output.line("All as it was signed.")


def kinds(output: Output, found: Mapping[str, Kind], name: str | None) -> None:
    """Show the kinds, or one with its steps.

    Raises:
        ProcedureError: There is none of this name.
    """
    if name is None:
        lines = [(each.name, each.version, each.title, each.about) for each in found.values()]
        output.result({"kinds": [{"kind": k, "version": v, "title": t, "about": a} for k, v, t, a in lines]})
        output.table("", ("kind", "version#", "title"), [line[:3] for line in lines])
        return
    kind = found.get(name)
    if kind is None:
        raise ProcedureError("there is no such kind of request", place=name[:40], hint=f"Kinds: {', '.join(found)}.")
    output.result({**kind.document, "sha256": kind.sha256})
    output.line(f"{kind.name} (version {kind.version}): {kind.about}")
    rows = [(step.name, ", ".join(step.roles), _asked(step), _rules(step)) for step in kind.steps]
    output.table("", ("step", "by", "asks for", "rule"), rows)
    clocks = [(clock.title, clock.from_step, clock.until, _period(clock)) for clock in kind.clocks]
    if clocks:
        output.table("Clocks", ("clock", "from", "until", "period"), clocks)


def _asked(step: Step) -> str:
    fields = [field.name + ("" if field.required else "?") for field in step.fields]
    evidence = [f"evidence {each.kind}" + ("" if each.at_least else "?") for each in step.evidence]
    return ", ".join([*fields, *evidence])


def _rules(step: Step) -> str:
    said = [
        "optional" if step.optional else "",
        "at any time" if step.aside else "",
        f"not by who recorded {', '.join(step.differs_from)}" if step.differs_from else "",
        "not by who is named in " + ", ".join(f"{n.step}.{n.field}" for n in step.not_named_in)
        if step.not_named_in
        else "",
        "fixes the scope" if step.fixes_scope else "",
        "approves" if step.approves else "",
        f"the program's own {step.does}" if step.does else "",
        f"when {', '.join(_condition(c) for c in step.when)}" if step.when else "",
        f"when one of {', '.join(_condition(c) for c in step.when_any)}" if step.when_any else "",
        f"after {step.after_clock} has run out" if step.after_clock else "",
        f"before {step.within_clock} runs out" if step.within_clock else "",
        "ends" if step.ends else "",
    ]
    return "; ".join(each for each in said if each)


def _condition(condition: Any) -> str:  # noqa: ANN401 -- a kind's own
    if condition.field is None:
        return f"{condition.step} was {'' if condition.recorded else 'not '}recorded"
    return f"{condition.step}.{condition.field} is {' or '.join(condition.values)}"


def _period(clock: Any) -> str:  # noqa: ANN401 -- a kind's own
    if clock.date_field:
        return f"the day in {clock.date_field}"
    if clock.working_days:
        return f"{clock.working_days} working days"
    return counted(clock.calendar_days, "day") if clock.calendar_days else counted(clock.months or 0, "month")


def _next(output: Output, request: Request) -> None:
    due = request.course.due()
    for step in due:
        asks = _asked(step)
        output.line(f"Next: {step.name}" + (" (optional)" if step.optional else "") + (f": {asks}" if asks else ""))
    if not due:
        output.line("Closed.")


def _said(event: Event) -> str:
    fields = [f"{name}={value}" for name, value in event.fields.items()]
    evidence = [f"{each.kind}: {each.name} ({each.sha256[:12]}…)" for each in event.evidence]
    return "; ".join([*fields, *evidence])


def _scope(request: Request) -> str:
    course = request.course
    if course.kind.scope == "none":
        return "none"
    if not course.scope_is_fixed:
        return "not fixed yet"
    return course.scope_sha256 or "the whole source"


def _line(request: Request) -> dict[str, Any]:
    clocks = [c for c in request.course.clocks(_today()) if c.state in ("running", "overdue")]
    due = min((clock.due_on for clock in clocks if clock.due_on), default=None)
    return {
        "number": request.text,
        "kind": request.course.kind.name,
        "customer": request.customer,
        "state": request.course.state,
        "open": request.course.is_open,
        "next": [step.name for step in request.course.due()],
        "due": None if due is None else due.isoformat(),
        "overdue": any(clock.breached for clock in clocks),
    }


def _document(request: Request) -> dict[str, Any]:
    course = request.course
    clocks = [
        {"name": c.name, "title": c.title, "state": c.state, "due_on": c.due_on and c.due_on.isoformat()}
        for c in course.clocks(_today())
    ]
    return {
        **_line(request),
        "kind_version": course.kind.version,
        "scope_sha256": course.scope_sha256,
        "scope_is_fixed": course.scope_is_fixed,
        "artefact": None if course.artefact is None else msgspec.to_builtins(course.artefact),
        "clocks": clocks,
        "steps": [_step(each) for each in course.events],
    }


def _step(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "step": event.step,
        "at": moment_text(event.at),
        "operator": event.operator,
        "key": event.key,
        "fields": dict(event.fields),
        "evidence": [msgspec.to_builtins(each) for each in event.evidence],
        "artefact": None if event.artefact is None else msgspec.to_builtins(event.artefact),
    }


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value


def _today() -> date:
    return local_day(now())
