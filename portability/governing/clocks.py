"""By when a step must be done: a pure function of what was recorded and of today.

A clock starts with a step, on the day of recording or on a date which that step names (the day on which a letter came),
stands still while it is paused, gets more time by an extension, and stops with the step it is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from portability.governing.calendars import add_months, add_working_days, local_day, next_working_day

if TYPE_CHECKING:
    from portability.governing.events import Event
    from portability.governing.kinds import Clock

__all__ = ["ClockState", "clock_states", "read_clock"]


@dataclass(frozen=True, kw_only=True)
class ClockState:
    """Where a clock stands: ``not started``, ``running``, ``paused``, ``overdue``, ``met``, ``late`` or ``ended``."""

    name: str
    title: str
    state: str
    started_on: date | None = None
    due_on: date | None = None
    stopped_on: date | None = None

    @property
    def breached(self) -> bool:
        """Whether the day has passed, or had passed when it was done."""
        return self.state in ("overdue", "late")

    def ran_out(self, today: date) -> bool:
        """Tell whether the clock has started and its last day has gone by."""
        return self.due_on is not None and self.state != "paused" and self.due_on < today


def read_clock(clock: Clock, recorded: Mapping[str, Event], *, is_open: bool, today: date) -> ClockState:
    """Return where a clock stands.

    Args:
        recorded: The last event of each step that counts.
        is_open: Whether the request is; a clock of a closed one runs no more.
    """
    start, stop = recorded.get(clock.from_step), recorded.get(clock.until)
    if start is None:
        return ClockState(name=clock.name, title=clock.title, state="not started")
    started_on = _day_of(start, clock.from_field)
    stopped_on = local_day(stop.at) if stop is not None else None
    paused = _paused_days(clock, recorded)
    due_on = None if paused is None else _due(clock, start, started_on, recorded, paused)
    if stopped_on is not None:
        state = "late" if due_on is not None and stopped_on > due_on else "met"
    elif not is_open:
        state = "ended"
    elif due_on is None:
        state = "paused"
    else:
        state = "overdue" if today > due_on else "running"
    return ClockState(
        name=clock.name, title=clock.title, state=state, started_on=started_on, due_on=due_on, stopped_on=stopped_on
    )


def _due(clock: Clock, start: Event, started_on: date, recorded: Mapping[str, Event], paused: int) -> date:
    extended = sum(each.months for each in clock.extensions if each.step in recorded)
    if clock.date_field is not None:
        due = date.fromisoformat(start.fields[clock.date_field])
    elif clock.working_days is not None:
        due = add_working_days(started_on, clock.working_days)
    elif clock.calendar_days is not None:
        due = started_on + timedelta(days=clock.calendar_days)
    else:
        due = add_months(started_on, (clock.months or 0) + extended)
        extended = 0
    due = add_months(due, extended) + timedelta(days=paused)
    return next_working_day(due) if clock.then == "next_working_day" else due


def _paused_days(clock: Clock, recorded: Mapping[str, Event]) -> int | None:
    """Return for how many days the clock stood still; None while it does."""
    total = 0
    for pause in clock.pauses:
        began, ended = recorded.get(pause.from_step), recorded.get(pause.until)
        if began is None:
            continue
        if ended is None or ended.sequence < began.sequence:
            return None
        total += (local_day(ended.at) - local_day(began.at)).days
    return total


def _day_of(event: Event, field: str | None) -> date:
    return date.fromisoformat(event.fields[field]) if field and field in event.fields else local_day(event.at)


def clock_states(
    clocks: Sequence[Clock], recorded: Mapping[str, Event], *, is_open: bool, today: date
) -> tuple[ClockState, ...]:
    """Return where each clock stands."""
    return tuple(read_clock(clock, recorded, is_open=is_open, today=today) for clock in clocks)
