"""Whether a step says and proves all that its kind asks for, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from portability.auditing import NOBODY
from portability.auditing.entries import ACTOR
from portability.errors import ProcedureError
from portability.governing.calendars import local_day
from portability.limits import DEFAULT_LIMITS
from portability.plurals import counted

if TYPE_CHECKING:
    from portability.governing.events import Event
    from portability.governing.kinds import Field, Kind, Step

__all__ = ["check_content", "named_operators"]

SCOPE = "scope"  # the kind of evidence that a scope document is; every step with a scope may carry one
_MONEY = re.compile(r"(0|[1-9]\d{0,14})\.\d{2} [A-Z]{3}")


def check_content(kind: Kind, step: Step, event: Event, *, silent: bool) -> None:
    """Check a step's fields and evidence.

    Raises:
        ProcedureError: Something is missing, is not of its type, or is not asked for. No value is repeated.
    """
    if event.opening is not None and event.opening.silent and not kind.may_be_silent:
        raise ProcedureError(f"a request of kind {kind.name} is never silent")
    unknown = sorted({*event.fields} - {field.name for field in step.fields})
    if unknown:
        known = ", ".join(field.name for field in step.fields) or "none"
        raise ProcedureError(f"the step {step.name} has no field {unknown[0]!r}", hint=f"Its fields: {known}.")
    for field in step.fields:
        value = event.fields.get(field.name)
        if value is None:
            if field.required:
                hint = f"Add --field {field.name}={_example(field)}  ({field.title})"
                raise ProcedureError(f"the step {step.name} lacks the field {field.name!r}", hint=hint)
            continue
        _check_value(field, value, event)
        _check_silence(field, value, silent=silent)
    _check_evidence(step, event)


def _example(field: Field) -> str:
    examples = {"date": "YYYY-MM-DD", "day_past": "YYYY-MM-DD", "money": '"1250.00 GBP"'}
    examples |= {"operators": "NAME,NAME (or nobody)", "text": "TEXT"}
    return "|".join(field.one_of) or examples[field.type]


def _check_value(field: Field, value: str, event: Event) -> None:
    limit = DEFAULT_LIMITS.request_field_chars_max
    problem = ""
    if not value.strip() or len(value) > limit:
        problem = f"is empty or longer than {limit} characters"
    elif field.type == "choice" and value not in field.one_of:
        problem = "is none of its choices"
    elif field.type == "money" and not _MONEY.fullmatch(value):
        problem = "is no amount with pence and currency"
    elif field.type == "operators" and not named_operators(value):
        problem = "names no operators"
    elif field.type in ("date", "day_past"):
        problem = _date_problem(field, value, local_day(event.at))
    if problem:
        hint = f"Write it as {field.name}={_example(field)}."
        raise ProcedureError(f"the field {field.name!r} {problem}", hint=hint)


def named_operators(value: str) -> tuple[str, ...]:
    """Return the operators that a field names, separated by commas; or ``nobody`` alone; empty when it is neither."""
    names = tuple(value.split(","))
    right = all(ACTOR.fullmatch(name) for name in names) and len({*names}) == len(names)
    return names if right and (NOBODY not in names or len(names) == 1) else ()


def _date_problem(field: Field, value: str, today: date) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return "is no date"
    if day.isoformat() != value:
        return "is no date"
    return "is in the future" if field.type == "day_past" and day > today else ""


def _check_silence(field: Field, value: str, *, silent: bool) -> None:
    if not silent and value in field.only_silent:
        hint = "This request can be seen. Open a silent one for this matter: portability request new --silent IDENTITY."
        raise ProcedureError(f"{field.name}={value} is for silent requests only", hint=hint)
    if silent and value in field.only_visible:
        raise ProcedureError(f"{field.name}={value} would end the request's silence")


def _check_evidence(step: Step, event: Event) -> None:
    found = Counter(each.kind for each in event.evidence)
    asked = {each.kind: each for each in step.evidence}
    unknown = sorted({*found} - {*asked} - ({SCOPE} if event.scope_sha256 is not None else set()))
    if unknown:
        known = ", ".join(asked) or "none"
        hint = f"Kinds of evidence here: {known}."
        raise ProcedureError(f"the step {step.name} asks for no evidence of kind {unknown[0]!r}", hint=hint)
    for each in asked.values():
        if found[each.kind] < each.at_least:
            hint = f"Add --evidence {each.kind}=FILE  ({each.title})"
            files = counted(each.at_least, "file")
            message = f"the step {step.name} needs {files} of evidence {each.kind!r}, not {found[each.kind]}"
            raise ProcedureError(message, hint=hint)
    if len({(each.kind, each.sha256) for each in event.evidence}) < len(event.evidence):
        raise ProcedureError("the same file is put in evidence twice for the same thing")
    if len(event.evidence) > DEFAULT_LIMITS.evidence_files_max:
        raise ProcedureError(f"more than {DEFAULT_LIMITS.evidence_files_max} files of evidence at one step")
