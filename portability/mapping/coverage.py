"""Where every source column went, read by column lineage from the mapping SQL itself: the report cannot say otherwise.

A column is *mapped* (it feeds a canonical field, or decides which rows do), *carried* (kept in extras, or in the source
layer alone with a reason) or *excluded* (not in the archive, with a reason). Anything else is unclassified and stops
the export.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.manifest import SourceSchema, Table
    from portability.profiles import Profile

__all__ = ["ColumnFate", "Coverage", "TableFate", "trace_coverage"]

_CARRIED_FIELDS = ("extras", "unreadable")


@dataclass(frozen=True, kw_only=True)
class ColumnFate:
    """What became of one source column.

    ``status`` is mapped, carried, excluded or unclassified; ``targets`` are ``entity.field`` or ``entity.(condition)``.
    """

    name: str
    status: str
    targets: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class TableFate:
    """All columns of one source table."""

    schema: str
    name: str
    columns: tuple[ColumnFate, ...]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """``reports/coverage.json``."""

    profile: str
    columns: int
    mapped: int
    carried: int
    excluded: int
    unclassified: int
    tables: tuple[TableFate, ...]
    format_version: str = "1.0"

    def unclassified_columns(self) -> list[str]:
        """Return ``table.column`` of everything that nobody has decided about."""
        return [f"{t.name}.{c.name}" for t in self.tables for c in t.columns if c.status == "unclassified"]


def trace_coverage(source: SourceSchema, profile: Profile) -> Coverage:
    """Trace every source column through the profile's SQL and rules.

    Raises:
        MappingError: SQL that cannot be parsed, or that names a table or column which is not there.
    """
    targets = _targets(source, profile)
    tables = tuple(_table_fate(table, profile, targets) for table in source.tables)
    statuses = Counter(column.status for table in tables for column in table.columns)
    return Coverage(
        profile=profile.profile,
        columns=statuses.total(),
        mapped=statuses["mapped"],
        carried=statuses["carried"],
        excluded=statuses["excluded"],
        unclassified=statuses["unclassified"],
        tables=tables,
    )


def _targets(source: SourceSchema, profile: Profile) -> dict[tuple[str, str, str], set[str]]:
    if not profile.maps:
        return {}
    from portability.mapping.lineage import trace_maps  # noqa: PLC0415 -- the parser takes a tenth of an export's start

    return trace_maps(profile.maps, source)


def _table_fate(table: Table, profile: Profile, targets: Mapping[tuple[str, str, str], set[str]]) -> TableFate:
    columns = []
    for column in table.columns:
        found = targets.get((table.schema, table.name, column.name), set())
        reason = table.excluded or column.reason
        if table.excluded is not None or column.carried == "excluded":
            columns.append(ColumnFate(name=column.name, status="excluded", reason=reason))
            continue
        carried = profile.reason(profile.carry, table, column.name) or profile.reason(profile.carry, table)
        real = sorted(t for t in found if t.split(".", 1)[1] not in _CARRIED_FIELDS)
        if real:
            columns.append(ColumnFate(name=column.name, status="mapped", targets=tuple(sorted(found))))
        elif found or carried or not profile.maps:
            why = carried or (None if found else "no mapping is known for this source")
            columns.append(ColumnFate(name=column.name, status="carried", targets=tuple(sorted(found)), reason=why))
        else:
            columns.append(ColumnFate(name=column.name, status="unclassified"))
    return TableFate(schema=table.schema, name=table.name, columns=tuple(columns))
