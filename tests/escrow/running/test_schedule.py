"""When jobs are due: clock changes, month ends, cron's weekdays, quiet hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portability.escrow.deposits.schedule import is_quiet, last_due, next_due
from portability.escrow.jobs import QuietHours, Schedule

DAILY = Schedule(
    cron="30 1 * * *",
    time_zone="Europe/London",
    cooldown_s=0,
    quiet_hours=(),
    late_after_s=3_600,
    missed_after_s=86_400,
)


def utc(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(cron: str, after: str, count: int) -> list[str]:
    """Return the next moments of a cron line in London."""
    found, moment = [], utc(after)
    for _ in range(count):
        moment = next_due(replace(DAILY, cron=cron), moment)
        found.append(f"{moment:%Y-%m-%d %H:%M}")
    return found


CASES = {
    "spring: half past one does not exist on the 29th, and falls due after the gap": (
        ("30 1 * * *", "2026-03-27T12:00", 3),
        ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"],
    ),
    "autumn: half past one comes twice on the 25th, and is due once": (
        ("30 1 * * *", "2026-10-24T12:00", 2),
        ["2026-10-25 00:30", "2026-10-26 01:30"],
    ),
    "autumn: every hour comes, the doubled one too": (
        ("30 * * * *", "2026-10-25T00:00", 3),
        ["2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"],
    ),
    "half past two stays half past two over the change": (
        ("30 2 * * *", "2026-03-28T00:00", 3),
        ["2026-03-28 02:30", "2026-03-29 01:30", "2026-03-30 01:30"],
    ),
    "month ends: the 31st comes where there is one": (
        ("0 3 31 * *", "2026-11-22T00:00", 3),
        ["2026-12-31 03:00", "2027-01-31 03:00", "2027-03-31 02:00"],
    ),
    "weekdays as cron counts them: 0 is Sunday": (("0 2 * * 0", "2026-11-22T12:00", 1), ["2026-11-29 02:00"]),
    "weekdays: 7 is Sunday too": (("0 2 * * 7", "2026-11-22T12:00", 1), ["2026-11-29 02:00"]),
    "weekdays: a range past the week's end": (
        ("0 2 * * 5-7", "2026-11-26T12:00", 3),
        ["2026-11-27 02:00", "2026-11-28 02:00", "2026-11-29 02:00"],
    ),
    "weekdays by name": (("0 2 * * mon-fri", "2026-11-27T12:00", 1), ["2026-11-30 02:00"]),
    "day of month or day of week, as cron has it": (
        ("0 2 13 * 5", "2026-11-26T12:00", 3),
        ["2026-11-27 02:00", "2026-12-04 02:00", "2026-12-11 02:00"],
    ),
    "a leap day": (("0 2 29 2 *", "2026-11-26T12:00", 1), ["2028-02-29 02:00"]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_schedule_next_due_is(case: tuple[tuple[str, str, int], list[str]]) -> None:
    """In UTC, which no clock change shifts."""
    asked, expected = case
    assert fires(*asked) == expected


@pytest.mark.parametrize("cron", ["30 1 * * *", "0 2 1 * *", "0 2 29 2 *", "*/5 * * * *", "0 0 * * 1"])
def test_schedule_last_due_is_the_one_before_the_next(cron: str) -> None:
    """What is due last and what is due next leave nothing between them."""
    now = utc("2026-11-22T14:00")
    last = last_due(replace(DAILY, cron=cron), now)
    assert last is not None
    assert last <= now < next_due(replace(DAILY, cron=cron), last)


def test_schedule_quiet_hours_may_pass_midnight() -> None:
    """From ten in the evening to six, in the job's own time zone."""
    hours = (QuietHours(from_minute=22 * 60, until_minute=6 * 60),)
    asked = {
        hour: is_quiet(hours, "Europe/London", utc("2026-07-01T00:00") + timedelta(hours=hour)) for hour in range(24)
    }
    assert [hour for hour, quiet in asked.items() if quiet] == [0, 1, 2, 3, 4, 21, 22, 23]  # UTC, in summer
    assert not is_quiet((), "Europe/London", utc("2026-07-01T00:00"))
