"""A scope's range of days, table by table: by a column, by a key to a dated table, or not at all, with a reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from portability.scoping.filters import Between, Condition, Everything, TableName, Undated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portability.manifest import Table
    from portability.profiles.scope_section import ScopeSection
    from portability.scoping.document import Dates
    from portability.scoping.links import Catalogue, Link

__all__ = ["DateRules"]

_DAY_TYPES = re.compile(r"date|timestamp", re.IGNORECASE)
_CHAIN_MAX = 8  # keys from a row to the one that has its day; a longer way is a circle


class DateRules:
    """Which rows of a table lie within the days; a table without a rule is a problem as soon as there are days."""

    def __init__(self, catalogue: Catalogue, section: ScopeSection, dates: Dates | None, time_zone: str) -> None:
        self._catalogue = catalogue
        self._dates = dates
        self._zone = ZoneInfo(time_zone)
        self._columns = {
            (table.schema, table.name): found[0]
            for name, column in section.dates.items()
            if (table := catalogue.find(name, "scope.dates")) is not None
            and (found := catalogue.columns(table, (column,), f"scope.dates.{name}")) is not None
        }
        self._undated = catalogue.reasons(section.undated, "undated")

    def column(self, table: TableName) -> str | None:
        """The column that decides, if the days restrict the table."""
        return self._columns.get(table) if self._dates is not None else None

    def within(self, table: TableName) -> Condition:
        """The rows of a table that lie within the days."""
        if self._dates is None or table not in self._columns:
            return Everything()
        return self._within(table, 0)

    def unread(self, table: TableName) -> Condition | None:
        """The rows of a table whose date, where the table has one of its own, is none that can be compared."""
        if self._dates is None or table not in self._columns:
            return None
        column = self._columns[table]
        link = self._link(table, column)
        if link is not None and not _DAY_TYPES.search(self._catalogue.tables[table].column(column).native_type):
            return None  # told of the table that has the date
        return Undated(column=column)

    def missing(self, tables: Iterable[Table]) -> Iterator[str]:
        """Say which of these tables have no rule, or one that cannot be kept."""
        for table in tables:
            place = (table.schema, table.name)
            if place not in self._columns:
                if place not in self._undated:
                    yield f"{table.label} has no date column under scope: dates:, and no reason under undated:"
            elif not self._ends_in_a_date(place, 0):
                yield f"{table.label}.{self._columns[place]} is neither a date nor a key of a table that has one"

    def _ends_in_a_date(self, table: TableName, depth: int) -> bool:
        column = self._columns.get(table)
        if column is None or depth > _CHAIN_MAX:
            return False
        if _DAY_TYPES.search(self._catalogue.tables[table].column(column).native_type):
            return True
        link = self._link(table, column)
        return link is not None and self._ends_in_a_date(link.to, depth + 1)

    def _link(self, table: TableName, column: str) -> Link | None:
        return next((link for link in self._catalogue.links[table] if link.columns == (column,)), None)

    def _within(self, table: TableName, depth: int) -> Condition:
        column = self._columns[table]
        link = self._link(table, column)
        if link is not None and not _DAY_TYPES.search(self._catalogue.tables[table].column(column).native_type):
            return link.reach(self._within(link.to, depth + 1))
        first, last = (self._dates.first, self._dates.last) if self._dates else (None, None)
        after = last + timedelta(days=1) if last else None
        return Between(
            column=column,
            low=first.isoformat() if first else None,
            high=after.isoformat() if after else None,
            low_utc=self._utc(first),
            high_utc=self._utc(after),
        )

    def _utc(self, day: date | None) -> str | None:
        if day is None:
            return None
        moment = datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S")
