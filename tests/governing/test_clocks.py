"""Clocks: working days of England and Wales, months that end early, pauses, extensions, days in London."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from portability.errors import ProcedureError
from portability.governing.calendars import add_months, add_working_days, end_of_day, local_day, next_working_day
from portability.governing.clocks import ClockState, read_clock
from portability.governing.course import check_turn, follow
from portability.governing.events import Event
from portability.governing.kinds import load_kinds

KINDS = load_kinds()


def _event(step: str, day: str, sequence: int = 1, **fields: str) -> Event:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC) if "T" in day else datetime.fromisoformat(f"{day}T12:00+00:00")
    return Event(
        catalogue="c", request="R-000001", sequence=sequence, previous="", step=step, at=at, operator="ann", key="k",
        fields=fields,
    )  # fmt: skip


def _clock(kind: str, name: str, events: Mapping[str, Event], today: str) -> ClockState:
    return read_clock(KINDS[kind].clock(name), events, is_open=True, today=date.fromisoformat(today))


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-20", 2, "2026-11-24"),  # over a weekend
        ("2026-12-23", 2, "2026-12-29"),  # Christmas, and Boxing Day in lieu on the Monday
        ("2027-12-23", 3, "2027-12-30"),  # both moved: Monday and Tuesday
        ("2026-04-02", 1, "2026-04-07"),  # Easter: Good Friday to Easter Monday
        ("2022-06-01", 1, "2022-06-06"),  # the extra bank holiday of 2022
        ("2026-08-28", 10, "2026-09-14"),  # the August bank holiday, which Scotland has earlier
    ],
)
def test_working_days_pass_over_weekends_and_bank_holidays(start: str, days: int, due: str) -> None:
    """By the calendar of England and Wales."""
    assert add_working_days(date.fromisoformat(start), days) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [("2026-01-31", 1, "2026-02-28"), ("2028-01-31", 1, "2028-02-29"), ("2026-11-30", 3, "2027-02-28")],
)
def test_months_without_the_day_end_on_their_last(start: str, months: int, due: str) -> None:
    """The corresponding day, or the month's last."""
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(due)


def test_days_are_londons() -> None:
    """In summer a day begins an hour before it does in UTC."""
    assert local_day(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == date(2026, 7, 1)
    assert local_day(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == date(2026, 12, 31)
    assert end_of_day(date(2026, 6, 30)) == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert end_of_day(date(2026, 10, 25)) == datetime(2026, 10, 26, tzinfo=UTC)  # the day of 25 hours


def test_clock_counts_from_the_day_that_the_letter_came() -> None:
    """Not from the day on which somebody recorded it."""
    events = {"received": _event("received", "2026-11-24", received_on="2026-11-20")}
    found = _clock("portability", "acknowledge", events, "2026-11-25")
    assert (found.due_on, found.state) == (date(2026, 11, 24), "overdue")
    late = _clock(
        "portability", "acknowledge", {**events, "acknowledged": _event("acknowledged", "2026-11-25")}, "2027-01-01"
    )
    assert (late.state, late.breached) == ("late", True)
    met = _clock(
        "portability", "acknowledge", {**events, "acknowledged": _event("acknowledged", "2026-11-24")}, "2027-01-01"
    )
    assert (met.state, met.breached) == ("met", False)


def test_subject_access_clock_stands_still_while_clarified_and_is_extended() -> None:
    """One month; ten days of waiting are added; two more months; the next working day if it ends on a Sunday."""
    events = {"received": _event("received", "2026-01-15", received_on="2026-01-15")}
    assert _clock("subject_access", "answer", events, "2026-01-20").due_on == next_working_day(date(2026, 2, 15))
    events["clarification_sought"] = _event("clarification_sought", "2026-01-20", 2)
    paused = _clock("subject_access", "answer", events, "2026-06-20")
    assert (paused.state, paused.due_on) == ("paused", None)
    events["clarified"] = _event("clarified", "2026-01-30", 3)
    assert _clock("subject_access", "answer", events, "2026-01-31").due_on == date(2026, 2, 25)
    events["extended"] = _event("extended", "2026-02-01", 4)
    assert _clock("subject_access", "answer", events, "2026-02-01").due_on == date(
        2026, 4, 27
    )  # the 25th is a Saturday


def test_order_is_obeyed_by_its_own_date() -> None:
    """The clock is the order's."""
    events = {"order_received": _event("order_received", "2026-11-21", comply_by="2026-12-01")}
    assert _clock("authority_disclosure", "comply", events, "2026-11-22").due_on == date(2026, 12, 1)
    assert _clock("authority_disclosure", "comply", events, "2026-12-02").breached


def test_objection_window_must_be_over_before_the_step_after_it() -> None:
    """On its last day the owner may still object, and nobody may say that it is over; a day later the reverse."""
    kind = KINDS["escrow_release"]
    requested: dict[str, Any] = {
        "customer": "a", "agreement": "a", "deposit_class": "source", "sequence": "1", "manifest_sha256": "0",
        "event": "insolvency", "received_on": "2026-12-01",
    }  # fmt: skip
    course = follow(kind, [], silent=False)
    for event in (_event("requested", "2026-12-01", **requested), _event("owner_notified", "2026-12-17", 2)):
        course = course.after(event)
    (clock,) = course.clocks(date(2026, 12, 18))
    last = date(2027, 1, 5)  # Christmas, Boxing Day in lieu and New Year's Day do not count
    assert clock.due_on == last
    check_turn(course, "contrary", operator="ann", key="k", today=last)
    with pytest.raises(ProcedureError, match="has not ended yet"):
        check_turn(course, "window_over", operator="ann", key="k", today=last)
    after = date(2027, 1, 6)
    check_turn(course, "window_over", operator="ann", key="k", today=after)
    with pytest.raises(ProcedureError, match="ended on 2027-01-05"):
        check_turn(course, "contrary", operator="ann", key="k", today=after)
