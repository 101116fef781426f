"""When deposits are due: a cron line in a time zone, as APScheduler reads it, and moments in UTC.

A local time that a clock change skips falls due right after the gap; an hour that comes twice counts once, unless
every hour does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from portability.errors import ConfigError

if TYPE_CHECKING:
    from portability.escrow.jobs_shapes import QuietHours, Schedule

__all__ = ["is_quiet", "last_due", "next_due"]

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LOOK_BACK_DAYS = (2, 9, 40, 400, 1_700)  # a day, a week, a month, a year, a leap day


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """Return the first moment after ``after`` at which a job is due, in UTC.

    Raises:
        ConfigError: There is none.
    """
    found = _first(schedule, after + timedelta(microseconds=1))
    if found is None:
        raise ConfigError("no day of the calendar fits the schedule", place=schedule.cron)
    return found


def last_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the last moment up to ``now`` at which a job was due, in UTC; None when there was none for years."""
    for days in _LOOK_BACK_DAYS:
        found, moment = None, _first(schedule, now - timedelta(days=days))
        while moment is not None and moment <= now:
            found, moment = moment, _first(schedule, moment + timedelta(microseconds=1))
        if found is not None:
            return found
    return None


def is_quiet(hours: tuple[QuietHours, ...], time_zone: str, now: datetime) -> bool:
    """Tell whether a moment lies in quiet hours; those may pass midnight."""
    local = now.astimezone(ZoneInfo(time_zone))
    minute = local.hour * 60 + local.minute
    return any(
        each.from_minute <= minute < each.until_minute
        if each.from_minute <= each.until_minute
        else not each.until_minute <= minute < each.from_minute
        for each in hours
    )


def _first(schedule: Schedule, moment: datetime) -> datetime | None:
    """Return the first moment from ``moment`` on."""
    minute, hour, day, month, weekday = schedule.cron.split()
    fields = {"minute": minute, "hour": hour, "month": month, "timezone": ZoneInfo(schedule.time_zone)}
    days = {"day": day, "day_of_week": _weekdays(weekday)}
    # Where both are given, cron takes either day.
    either = [{name: value} for name, value in days.items()] if "*" not in {day, weekday} else [days]
    found = [_fires(CronTrigger(**fields, **each), moment, fixed=hour.isdigit()) for each in either]
    return min((each for each in found if each is not None), default=None)


def _fires(trigger: CronTrigger, moment: datetime, *, fixed: bool) -> datetime | None:
    while (found := cast("datetime | None", trigger.get_next_fire_time(None, moment))) is not None:
        if not (fixed and found.fold):
            return found.astimezone(UTC)
        moment = found.astimezone(UTC) + timedelta(microseconds=1)  # the hour that comes twice in autumn
    return None


def _weekdays(field: str) -> str:
    """Write cron's weekdays by name: it counts from Sunday, the library from Monday."""
    if field == "*" or not any(letter.isdigit() for letter in field):
        return field
    found = set[int]()
    for part in field.split(","):
        days, _, step = part.partition("/")
        first, _, last = ("0", "", "6") if days == "*" else days.partition("-")
        start, end = _weekday(first), _weekday(last or ("6" if step else first))
        found |= {number % 7 for number in range(start, (end if end >= start else end + 7) + 1, int(step or 1))}
    return ",".join(_WEEKDAYS[number] for number in sorted(found))


def _weekday(text: str) -> int:
    return int(text) if text.isdigit() else _WEEKDAYS.index(text.lower())
