"""What every author of rows shares: dice, calendar, running numbers, the sink and the tally of planted faults.

All chance comes from one seeded `Dice` and all dates from a fixed calendar, so the content depends on the seed and the
sizes alone.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import TypeVar

from .markers import firm_marker
from .words import TODAY
from .writing import Sink

__all__ = ["CALENDAR", "LAST_DAY", "Calendar", "Dice", "Firm", "Scene", "Tally", "pounds"]

T = TypeVar("T")
_MONDAY_TO_FRIDAY = 5


class Dice(random.Random):
    """Seeded chance, in the three forms the practice needs, each cheaper than the library's own."""

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.random() * len(items))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability


class Calendar:
    """Working days by number, in the forms the vendor wrote them; no weekend ever appears."""

    def __init__(self, first: date, last: date) -> None:
        every = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
        self.dates = [day for day in every if day.weekday() < _MONDAY_TO_FRIDAY]
        self.iso = [day.isoformat() for day in self.dates]
        self.typed = [day.strftime("%d/%m/%Y") for day in self.dates]
        self.month = [day.year * 12 + day.month - 1 for day in self.dates]
        self.period = [day.strftime("%Y%m") for day in self.dates]

    def __len__(self) -> int:
        return len(self.dates)


CALENDAR = Calendar(date(2018, 1, 2), date(2026, 12, 31))
LAST_DAY = CALENDAR.iso.index(TODAY)
# Office hours only: never an hour that summer time repeats or skips.
_CLOCK = tuple(f"{8 + minute // 60:02d}:{minute % 60:02d}:{minute * 7 % 60:02d}" for minute in range(0, 600, 7))


@dataclass(kw_only=True)
class Firm:
    """What later rows need to know of a firm."""

    firm_id: int
    number: int
    name: str
    branches: tuple[str, str]
    fee_earners: list[tuple[int, int]]  # user id, hourly rate in pence
    cashier: int
    partner: int
    custom_fields: dict[str, int] = field(default_factory=dict)
    courts: list[int] = field(default_factory=list)
    clients: list[tuple[int, int]] = field(default_factory=list)  # recent (client id, contact id): a bounded memory
    others: list[int] = field(default_factory=list)  # recent contacts who are not clients


@dataclass(kw_only=True)
class Tally:
    """Counts of what was planted, per firm where a rule reports it."""

    rules: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unreadable: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    unresolved: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)  # pence
    zero_dates: int = 0


@dataclass(kw_only=True)
class Scene:
    """The stage on which the authors of rows work."""

    dice: Dice
    sink: Sink
    tally: Tally = field(default_factory=Tally)
    ids: defaultdict[str, count[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))

    def next_id(self, table: str) -> int:
        """Return the next running number of a table."""
        return next(self.ids[table])

    def moment(self, day: int) -> str:
        """Return a local time in office hours of a working day."""
        return f"{CALENDAR.iso[day]} {self.dice.pick(_CLOCK)}"

    def marker(self, firm: Firm) -> str:
        """Return what a document's text or name ends with: the firm's marker and a blank before it, or nothing."""
        return f" {firm_marker(firm.firm_id)}" if self.sink.markers else ""

    def plant(self, firm: Firm, *rules: str) -> None:
        """Note that one row will be reported under each of these rules."""
        self.tally.rules[firm.firm_id].update(rules)


def pounds(pence: int) -> str:
    """Return an amount as the text of a decimal with two places.

    >>> pounds(-105)
    '-1.05'
    """
    if pence < 0:
        return "-" + pounds(-pence)
    return f"{pence // 100}.{pence % 100:02d}"
