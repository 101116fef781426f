"""What a schema cannot say of a kind of request: that its course leads somewhere, and that nobody releases alone.

A vendor may change our kinds and add others; these rules hold for all of them. The last four are the reason why this
program exists: what leaves has been extracted, approved by somebody else, and its scope was fixed before it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.governing.kinds import Clock, Condition, Kind, Step
    from portability.yaml_files import YamlPath

__all__ = ["kind_problems"]

CUSTOMER = "customer"

Problem = tuple["YamlPath", str, str]


def kind_problems(kind: Kind) -> Sequence[Problem]:
    """Return what is wrong with a kind: where, what, and the mend."""
    problems = [*_names(kind), *_first(kind), *_last(kind)]
    if problems:
        return problems  # the others look things up by name
    for at, step in enumerate(kind.steps):
        problems += [((("steps", at, *path)), message, hint) for path, message, hint in _step(kind, at, step)]
    for at, clock in enumerate(kind.clocks):
        problems += [(("clocks", at), message, hint) for message, hint in _clock(kind, clock)]
    return problems or [*_safeguards(kind)]


def _names(kind: Kind) -> Iterator[Problem]:
    for part, names in (
        ("steps", [step.name for step in kind.steps]),
        ("clocks", [clock.name for clock in kind.clocks]),
    ):
        for at, name in enumerate(names):
            if name in names[:at]:
                yield (part, at, "name"), f"the name {name!r} stands twice", "Rename one of them."
    for at, step in enumerate(kind.steps):
        fields = [field.name for field in step.fields]
        evidence = [each.kind for each in step.evidence]
        if len({*fields}) < len(fields) or len({*evidence}) < len(evidence):
            yield ("steps", at), "a field or a kind of evidence stands twice in this step", "Rename one of them."


def _first(kind: Kind) -> Iterator[Problem]:
    first = kind.first
    where: YamlPath = ("steps", 0)
    if first.aside or first.optional or first.when or first.when_any or first.ends:
        yield where, "the first step opens the request: it is not optional, conditional, aside or the end", ""
    field = first.field(CUSTOMER)
    if field is None or field.type != "text" or not field.required:
        hint = f"Add to its fields: {{name: {CUSTOMER}, title: The customer whose data it is about}}."
        yield where, f"the first step has no required text field {CUSTOMER!r}", hint


def _last(kind: Kind) -> Iterator[Problem]:
    last = kind.course[-1]
    if not last.ends or last.optional or last.when or last.when_any:
        at = kind.steps.index(last)
        yield ("steps", at), "the last step of the course must be one that always comes and ends: true", ""


def _step(kind: Kind, at: int, step: Step) -> Iterator[Problem]:
    before = {each.name for each in kind.steps[:at] if not each.aside}
    known = {each.name for each in kind.steps}
    for part, conditions in (("when", step.when), ("when_any", step.when_any)):
        for number, condition in enumerate(conditions):
            if problem := _condition(kind, condition, before):
                yield (part, number), problem, "Only steps before this one can be asked, and only choices and texts."
    if step.aside and (step.does or step.approves or step.fixes_scope or step.optional or step.sends_back):
        yield ("aside",), "a step beside the course cannot approve, export, release, fix the scope or send back", ""
    if not step.aside and (step.many or step.after):
        yield (), "many and after are for steps beside the course", "Add aside: true, or remove them."
    yield from _persons(kind, step, known)
    yield from _back_and_clocks(kind, step, before)
    yield from _fields(step)


def _persons(kind: Kind, step: Step, known: set[str]) -> Iterator[Problem]:
    if step.after is not None and step.after not in known:
        yield ("after",), f"there is no step {step.after!r}", ""
    for name in step.differs_from:
        if name not in known or name == step.name:
            yield ("differs_from",), f"there is no other step {name!r}", ""
    for named in step.not_named_in:
        other = kind.step(named.step)
        if other is None or other.field(named.field) is None:
            yield ("not_named_in",), f"there is no field {named.field!r} in a step {named.step!r}", ""


def new_kind_problems(kind: Kind) -> Iterator[Problem]:
    """Yield what a kind may not say any more; requests that were opened under such a one go on under it."""
    for at, step in enumerate(kind.steps):
        for named in step.not_named_in:
            other = kind.step(named.step)
            field = None if other is None else other.field(named.field)
            if field is not None and (field.type != "operators" or not field.required):
                message = f"the field {named.step}.{named.field} excludes whom it names, and takes any text or none"
                yield ("steps", at, "not_named_in"), message, "Make it required, with type: operators."


def _condition(kind: Kind, condition: Condition, before: set[str]) -> str:
    other = kind.step(condition.step)
    if other is None or (condition.step not in before and not other.aside):
        return f"there is no step {condition.step!r} before this one"
    if condition.field is None:
        return ""
    field = other.field(condition.field)
    if field is None or not field.required or field.type != "choice":
        return f"step {condition.step!r} has no required choice {condition.field!r}"
    unknown = sorted({*condition.values} - {*field.one_of})
    return f"{unknown[0]!r} is no value of {condition.step}.{condition.field}" if unknown else ""


def _back_and_clocks(kind: Kind, step: Step, before: set[str]) -> Iterator[Problem]:
    back = step.sends_back
    if back is not None:
        field = step.field(back.field)
        if field is None or not {*back.values} <= {*field.one_of}:
            yield ("sends_back",), f"this step has no choice {back.field!r} with these values", ""
        if back.to not in before:
            yield ("sends_back", "to"), f"there is no step {back.to!r} before this one", ""
    for part, name in (("after_clock", step.after_clock), ("within_clock", step.within_clock)):
        if name is not None and name not in {clock.name for clock in kind.clocks}:
            yield (part,), f"there is no clock {name!r}", ""


def _fields(step: Step) -> Iterator[Problem]:
    for number, field in enumerate(step.fields):
        if {*field.only_silent, *field.only_visible} - {*field.one_of}:
            yield ("fields", number), "only_silent and only_visible name values of one_of", ""


def _clock(kind: Kind, clock: Clock) -> Iterator[tuple[str, str]]:
    starts = kind.step(clock.from_step)
    dated = [name for name in (clock.from_field, clock.date_field) if name is not None]
    named = [clock.from_step, clock.until]
    named += [name for pause in clock.pauses for name in (pause.from_step, pause.until)]
    named += [extension.step for extension in clock.extensions]
    for name in named:
        if kind.step(name) is None:
            yield f"there is no step {name!r}", ""
    for name in dated:
        field = starts.field(name) if starts else None
        if field is None or field.type not in ("date", "day_past"):
            yield f"step {clock.from_step!r} has no date field {name!r}", ""


def _safeguards(kind: Kind) -> Iterator[Problem]:
    course = kind.course
    exports = [step for step in course if step.does == "export"]
    for at, step in enumerate(kind.steps):
        if step.does != "release":
            continue
        place: YamlPath = ("steps", at)
        earlier = course[: course.index(step)]
        approvals = [each for each in earlier if each.approves]
        if not approvals:
            yield (
                place,
                "data would be released without anybody's approval",
                "Add a step before it with approves: true.",
            )
        if step.optional or (exports and not any(each in earlier for each in exports)):
            yield place, "a release is not optional and comes after the export", ""
        for approval in approvals:
            if not {*approval.differs_from} & {each.name for each in earlier if each is not approval}:
                hint = "Add differs_from with the step that makes what is approved."
                yield (("steps", kind.steps.index(approval))), "whoever did it could approve it", hint
    if exports and kind.scope != "none":
        first = course.index(exports[0])
        if not any(step.fixes_scope and not step.optional for step in course[:first]):
            hint = "Add fixes_scope: true to the step in which the scope is agreed."
            yield ("steps", kind.steps.index(exports[0])), "data would be exported before its scope is fixed", hint
