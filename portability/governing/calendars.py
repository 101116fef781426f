"""Days as a law office counts them: dates in London, working days of England and Wales, months that end early.

A period starts on the day after its first; a day that the calendar does not have is the month's last.
"""

from __future__ import annotations

import calendar
import importlib
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = [
    "add_months",
    "add_working_days",
    "end_of_day",
    "is_working_day",
    "local_day",
    "next_working_day",
]

_ZONE = ZoneInfo("Europe/London")
_SATURDAY = 5


def local_day(moment: datetime) -> date:
    """Return the day in London on which a moment falls."""
    return moment.astimezone(_ZONE).date()


def end_of_day(day: date) -> datetime:
    """Return the moment at which a day in London is over."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=_ZONE).astimezone(UTC)


def is_working_day(day: date) -> bool:
    """Tell whether offices in England and Wales work on a day."""
    return day.weekday() < _SATURDAY and day not in _bank_holidays(day.year)


def next_working_day(day: date) -> date:
    """Return the day itself, or the first working day after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def add_working_days(day: date, count: int) -> date:
    """Return the ``count``-th working day after a day, which itself does not count."""
    for _ in range(count):
        day = next_working_day(day + timedelta(days=1))
    return day


def add_months(day: date, count: int) -> date:
    """Return the same day of a later month, or that month's last."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@lru_cache(maxsize=64)
def _bank_holidays(year: int) -> Container[date]:
    try:
        library = importlib.import_module("holidays")
    except ImportError:
        hint = "Install it with: pip install 'portability[service]'"
        raise ConfigError("the library that knows bank holidays is not installed", hint=hint) from None
    return frozenset(library.country_holidays("GB", subdiv="ENG", years=year))
