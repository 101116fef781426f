"""Rows that reach no tenant: counted in every table where nothing proves that there are none.

A declared key proves nothing by itself: MariaDB and SQLite take rows while their keys are switched off, PostgreSQL has
keys that were never checked against the rows before them. Only a key that the DBMS says it has checked is trusted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portability.scoping.filters import Apart, Condition, Everything, Reaches, RowFilter, TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.manifest import Table
    from portability.scoping.asks import Asks
    from portability.scoping.links import Link
    from portability.scoping.paths import Paths
    from portability.scoping.planning import PlannedTable, ScopePlan

__all__ = ["Orphans"]

_GAPS_MAX = 500  # tenants; more make a condition that takes longer to plan than a table to scan
_WHOLE = re.compile(r"int|serial", re.IGNORECASE)
_DIGITS = re.compile(r"-?[0-9]{1,18}")


class Orphans:
    """The orphans of every table, one count each; where a parent's table has none, a row with a parent is none."""

    def __init__(self, plan: ScopePlan, paths: Paths, asks: Asks) -> None:
        self._plan, self._paths, self._asks = plan, paths, asks
        self._known = tuple(plan.catalogue.tables.values())
        self._proven = asks.proven_keys()
        self._tenants: tuple[int, ...] | None = None
        self._counted: dict[TableName, int] = {}

    def found(self) -> Iterator[tuple[PlannedTable, int]]:
        """Yield the tables that have some, and how many."""
        for name, planned in self._plan.tables.items():
            if planned.treatment not in ("shared", "outside") and self._paths.leads(name):
                missing = self._missing(name)
                if missing:
                    yield planned, missing

    def _missing(self, name: TableName) -> int:
        if name not in self._counted:
            self._counted[name] = self._count(name) if self._paths.may_miss(name, self._proven) else 0
        return self._counted[name]

    def _count(self, name: TableName) -> int:
        table = self._plan.catalogue.tables[name]
        missed = self._gaps(table) or self._beyond(name)
        if missed is not None:
            return self._asks.count(table, RowFilter(condition=missed, tables=self._known))
        reached = RowFilter(condition=self._paths.belongs(name, Everything()), tables=self._known)
        return self._asks.count(table) - self._asks.count(table, reached)

    def _only_link(self, name: TableName) -> Link | None:
        """The key that alone decides, in every row; None where several share in it."""
        owners = self._paths.owners(name)
        return owners[0][0] if len(owners) == 1 and len(owners[0]) == 1 and not owners[0][0].when else None

    def _beyond(self, name: TableName) -> Condition | None:
        link = self._only_link(name)
        if link is None:
            return None
        there = Everything() if not self._missing(link.to) else self._paths.belongs(link.to, Everything())
        return Reaches(columns=link.columns, table=link.to, to_columns=link.to_columns, rows=there, no=True)

    def _gaps(self, table: Table) -> Condition | None:
        """What a numbered tenant's own column may not hold, where a few tenants make it short enough to say."""
        link = self._only_link((table.schema, table.name))
        if link is None or link.to != self._paths.root or len(link.columns) != 1:
            return None
        root = self._plan.catalogue.tables[self._paths.root]
        ends = (table.column(link.columns[0]), root.column(link.to_columns[0]))
        if not all(_WHOLE.search(column.native_type) for column in ends):
            return None
        if self._tenants is None:
            every = RowFilter(condition=Everything(), tables=self._known)
            keys = {key for (key,) in self._asks.keys(root, link.to_columns, every)}
            self._tenants = tuple(sorted(map(int, keys))) if all(_DIGITS.fullmatch(key) for key in keys) else ()
        few = 0 < len(self._tenants) <= _GAPS_MAX
        return Apart(column=link.columns[0], values=self._tenants) if few else None
