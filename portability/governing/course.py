"""The engine: what was recorded, in order, gives where a request stands; what is not due now is refused.

Pure functions over events: no clock but the one they are given, no database. ``follow`` judges events that were
recorded exactly as ``check_event`` judges one that is about to be: a register into which a step was smuggled does not
follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from portability.auditing import NOBODY
from portability.errors import ProcedureError
from portability.governing.calendars import local_day
from portability.governing.clocks import ClockState, clock_states, read_clock
from portability.governing.step_content import check_content, named_operators

if TYPE_CHECKING:
    from portability.governing.events import Artefact, Event
    from portability.governing.kinds import Condition, Kind, Step

__all__ = ["Course", "check_event", "check_turn", "follow"]


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a request has come."""

    kind: Kind
    silent: bool = False
    events: tuple[Event, ...] = ()
    recorded: Mapping[str, Event] = field(default_factory=dict)
    position: int = -1
    ended_by: Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything may still be recorded."""
        return self.ended_by is None

    @property
    def state(self) -> str:
        """The last step of the course that was recorded and still counts; the ending step once it is closed."""
        if self.ended_by is not None:
            return self.ended_by.step
        return self.kind.course[self.position].name if self.position >= 0 else "new"

    @property
    def scope_sha256(self) -> str | None:
        """The scope that was fixed; None before, and where the whole source was meant."""
        found = [self.recorded[s.name] for s in self.kind.course if s.fixes_scope and s.name in self.recorded]
        return found[-1].scope_sha256 if found else None

    @property
    def scope_is_fixed(self) -> bool:
        """Whether a step that fixes the scope counts."""
        return any(step.fixes_scope and step.name in self.recorded for step in self.kind.course)

    @property
    def artefact(self) -> Artefact | None:
        """What was made last and still counts."""
        made = [self.recorded[s.name] for s in self.kind.course if s.does == "export" and s.name in self.recorded]
        return made[-1].artefact if made else None

    def due(self) -> tuple[Step, ...]:
        """Return the steps of the course that may come next: passed-over ones first, the one that must come last."""
        found: list[Step] = []
        for step in self.kind.course[self.position + 1 :] if self.is_open else ():
            if not self._belongs(step):
                continue
            found.append(step)
            if not step.optional:
                break
        return tuple(found)

    def beside(self) -> tuple[Step, ...]:
        """Return the steps beside the course that may be recorded now."""
        asides = (step for step in self.kind.steps if step.aside) if self.is_open and self.events else ()
        return tuple(
            step
            for step in asides
            if (step.after is None or step.after in self.recorded)
            and (step.many or step.name not in self.recorded)
            and self._belongs(step)
        )

    def clocks(self, today: date) -> tuple[ClockState, ...]:
        """Return where each clock stands on a day."""
        return clock_states(self.kind.clocks, self.recorded, is_open=self.is_open, today=today)

    def after(self, event: Event) -> Course:
        """Return the course with one more event, which ``check_event`` has let through."""
        step = self.kind.step(event.step)
        assert step is not None  # noqa: S101 -- check_event has seen it
        recorded, position = {**self.recorded, step.name: event}, self.position
        if not step.aside:
            position = self.kind.course.index(step)
            back = step.sends_back
            if back is not None and event.fields.get(back.field) in back.values:
                to = next(at for at, each in enumerate(self.kind.course) if each.name == back.to)
                for undone in self.kind.course[to : position + 1]:
                    recorded.pop(undone.name, None)
                position = to - 1
        return replace(
            self,
            events=(*self.events, event),
            recorded=recorded,
            position=position,
            ended_by=event if step.ends else None,
        )

    def _belongs(self, step: Step) -> bool:
        every = all(self._holds(each) for each in step.when)
        return every and (not step.when_any or any(self._holds(each) for each in step.when_any))

    def _holds(self, condition: Condition) -> bool:
        event = self.recorded.get(condition.step)
        if condition.recorded is not None:
            return (event is not None) == condition.recorded
        return event is not None and event.fields.get(condition.field or "") in condition.values


def follow(kind: Kind, events: Sequence[Event], *, silent: bool) -> Course:
    """Return where these events lead.

    Raises:
        ProcedureError: One of them could not have been recorded there; the message names it.
    """
    course = Course(kind=kind, silent=silent)
    for event in events:
        try:
            check_event(course, event)
        except ProcedureError as error:
            message = f"event {event.sequence} ({event.step}) cannot have been recorded: {error.message}"
            raise ProcedureError(message, place=event.request) from None
        course = course.after(event)
    return course


def check_event(course: Course, event: Event) -> Step:
    """Return the step that an event records, if it may be recorded now.

    Raises:
        ProcedureError: It may not; the message says why, the hint what comes next. Neither says a value of a field.
    """
    step = check_turn(course, event.step, operator=event.operator, key=event.key, today=local_day(event.at))
    _check_moment(course, event)
    check_content(course.kind, step, event, silent=course.silent)
    _check_scope_and_artefact(course, step, event)
    return step


def check_turn(course: Course, name: str, *, operator: str, key: str, today: date) -> Step:
    """Return a step, if it may come now and this operator may record it.

    Raises:
        ProcedureError: It may not, or they may not.
    """
    step = _due_step(course, name)
    _check_persons(course, step, operator, key)
    _check_waiting(course, step, today)
    return step


def _due_step(course: Course, name: str) -> Step:
    if not course.is_open:
        hint = "Open a new request; a closed one stays as it is."
        raise ProcedureError(f"the request is closed: {course.state} was its last step", hint=hint)
    step = course.kind.step(name)
    if step is None:
        names = ", ".join(each.name for each in course.kind.steps)
        raise ProcedureError(f"a request of kind {course.kind.name} has no step {name!r}", hint=f"Its steps: {names}.")
    if step not in (*course.due(), *course.beside()):
        hint = f"Next: {_named(course.due())}. At any time: {_named(course.beside())}."
        if step.name in course.recorded and not step.many:
            raise ProcedureError(f"the step {name} has been recorded already", hint=hint)
        raise ProcedureError(f"the step {name} is not due", hint=hint)
    return step


def _named(steps: Sequence[Step]) -> str:
    return ", ".join(step.name for step in steps) or "nothing"


def _check_moment(course: Course, event: Event) -> None:
    last = course.events[-1] if course.events else None
    if event.sequence != len(course.events) + 1:
        raise ProcedureError(
            "a step before it is missing, or one was recorded meanwhile", hint="Look again, and repeat."
        )
    if last is not None and event.at < last.at:
        hint = "Set this machine's clock; steps are recorded in the order of time."
        raise ProcedureError("the step would be earlier than the one before it", hint=hint)


def _check_persons(course: Course, step: Step, operator: str, key: str) -> None:
    for name in step.differs_from:
        other = course.recorded.get(name)
        if other is not None and (other.operator == operator or other.key == key):
            hint = f"Somebody else has to record {step.name}."
            raise ProcedureError(f"whoever recorded {name} may not record {step.name}", hint=hint)
    for named in step.not_named_in:
        other = course.recorded.get(named.step)
        said = NOBODY if other is None else other.fields.get(named.field, NOBODY)
        # Older kinds of requests have a text there, written as somebody liked.
        if operator in named_operators(said.strip().casefold()):
            hint = f"Somebody else has to record {step.name}."
            raise ProcedureError(f"{named.field} of {named.step} names this operator", hint=hint)


def _check_waiting(course: Course, step: Step, today: date) -> None:
    for name, must_be_over in ((step.after_clock, True), (step.within_clock, False)):
        if name is None:
            continue
        state = read_clock(course.kind.clock(name), course.recorded, is_open=True, today=today)
        if must_be_over and not state.ran_out(today):
            due = f"It ends on {state.due_on}." if state.due_on else "It has not started, or stands still."
            raise ProcedureError(f"the period {name!r} has not ended yet", hint=due)
        if not must_be_over and state.ran_out(today):
            raise ProcedureError(f"the period {name!r} ended on {state.due_on}")


def _check_scope_and_artefact(course: Course, step: Step, event: Event) -> None:
    if step.fixes_scope and course.kind.scope == "required" and event.scope_sha256 is None:
        raise ProcedureError(f"the step {step.name} fixes the scope, and there is none", hint="Add --scope FILE.")
    if event.scope_sha256 is not None and not (step.fixes_scope or step is course.kind.first or step.does):
        raise ProcedureError(f"the step {step.name} takes no scope")
    if event.scope_sha256 is not None and course.kind.scope == "none":
        raise ProcedureError(f"a request of kind {course.kind.name} has no scope")
    if step.does is None:
        if event.artefact is not None:
            raise ProcedureError(f"the step {step.name} takes no artefact")
        return
    if event.scope_sha256 != course.scope_sha256:
        hint = "Export again with `portability export --request`, which takes the scope that was fixed."
        raise ProcedureError("the scope is not the one that was fixed for this request", hint=hint)
    if event.artefact is None:
        raise ProcedureError(f"the step {step.name} needs what was made", hint="Add --artefact PATH.")
    made = course.artefact
    if step.does == "release" and made is not None and made.sha256 != event.artefact.sha256:
        hint = "Hand over exactly what was exported and approved; a changed one is exported and approved again."
        raise ProcedureError("this is not what was exported for this request", hint=hint)
