"""Which rows of a table an export may read, in words that belong to no DBMS.

The planner builds these from keys and values; each SQL connector renders them for its own DBMS and puts them into
every statement about the table. Values are text as people or the source write them; the connector quotes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.manifest import Table

__all__ = [
    "AllOf",
    "Among",
    "AnyOf",
    "Apart",
    "Between",
    "Condition",
    "Everything",
    "Filled",
    "Nothing",
    "Reaches",
    "RowFilter",
    "TableName",
    "Undated",
    "all_of",
    "any_of",
]

TableName = tuple[str, str]
"""Schema and name, as discovered."""


@dataclass(frozen=True, kw_only=True)
class Everything:
    """Every row."""


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """No row: the table keeps its columns."""


@dataclass(frozen=True, kw_only=True)
class Among:
    """Rows whose columns hold one of these values, compared exactly."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Between:
    """Rows whose date or time is ``low`` or later and before ``high``; rows without one are not.

    Both are the first moments of days in the practice's own time, as ISO dates; ``low_utc`` and ``high_utc`` are the
    same moments in UTC, for columns that hold points in time.
    """

    column: str
    low: str | None = None
    high: str | None = None
    low_utc: str | None = None
    high_utc: str | None = None


@dataclass(frozen=True, kw_only=True)
class Undated:
    """Rows whose column has a value that is no date or time as ``Between`` could compare it."""

    column: str


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Rows whose number is none of these, or is null; said as the gaps between them, which an index answers at once."""

    column: str
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Rows in which all of these columns have a value; with ``no`` those in which at least one has none."""

    columns: tuple[str, ...]
    no: bool = False


@dataclass(frozen=True, kw_only=True)
class Reaches:
    """Rows whose ``columns`` refer to a row of ``table`` that is within ``rows``; with ``no`` all others."""

    columns: tuple[str, ...]
    table: TableName
    to_columns: tuple[str, ...]
    rows: Condition
    no: bool = False


@dataclass(frozen=True, kw_only=True)
class AllOf:
    """Rows within each of these."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """Rows within at least one of these."""

    conditions: tuple[Condition, ...]


Condition = Everything | Nothing | Among | Apart | Between | Undated | Filled | Reaches | AllOf | AnyOf


@dataclass(frozen=True, kw_only=True)
class RowFilter:
    """The rows of one table that may be read; ``tables`` are all that the condition looks into, as discovered."""

    condition: Condition
    tables: tuple[Table, ...]


def all_of(*conditions: Condition) -> Condition:
    """Join conditions that must all hold, without what says nothing."""
    flat: list[Condition] = []
    for each in conditions:
        flat += each.conditions if isinstance(each, AllOf) else [each]
    if any(isinstance(each, Nothing) for each in flat):
        return Nothing()
    kept = tuple(dict.fromkeys(each for each in flat if not isinstance(each, Everything)))
    if not kept:
        return Everything()
    return kept[0] if len(kept) == 1 else AllOf(conditions=kept)


def any_of(*conditions: Condition) -> Condition:
    """Join conditions of which one must hold, without what says nothing."""
    flat: list[Condition] = []
    for each in conditions:
        flat += each.conditions if isinstance(each, AnyOf) else [each]
    if any(isinstance(each, Everything) for each in flat):
        return Everything()
    kept = tuple(dict.fromkeys(each for each in flat if not isinstance(each, Nothing)))
    if not kept:
        return Nothing()
    return kept[0] if len(kept) == 1 else AnyOf(conditions=kept)
