"""The rows that rows in the scope refer to: parents, people, lookups. They come, and nothing that hangs on them does.

Keys are collected from the source until no new ones turn up; a row that belongs to a client or matter that the scope
neither names nor leads to never comes, whoever refers to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.errors import ScopeError
from portability.scoping.filters import (
    Among,
    Condition,
    Nothing,
    RowFilter,
    TableName,
    all_of,
    any_of,
)

if TYPE_CHECKING:
    from portability.limits import Limits
    from portability.scoping.asks import Asks
    from portability.scoping.links import Link
    from portability.scoping.planning import ScopePlan

__all__ = ["Pulled", "pull_rows"]

Keys = dict[tuple[TableName, tuple[str, ...]], set[tuple[str, ...]]]


class Pulled:
    """Keys by table and columns, and what else a row that is brought along must be."""

    def __init__(self, keys: Keys, guards: dict[TableName, Condition]) -> None:
        self._keys, self._guards = keys, guards

    def rows(self, table: TableName) -> Condition:
        """The rows of a table that are brought along."""
        found = [
            Among(columns=columns, values=tuple(sorted(keys)))
            for (name, columns), keys in sorted(self._keys.items())
            if name == table and keys
        ]
        return all_of(any_of(*found), self._guards[table]) if found else Nothing()


def pull_rows(
    plan: ScopePlan,
    asks: Asks,
    base: dict[TableName, Condition],
    tenant: dict[TableName, Condition],
    named: dict[str, Condition],
    limits: Limits,
) -> Pulled:
    """Collect the keys of all rows that rows in the scope refer to.

    Args:
        plan: What becomes of each table.
        asks: The snapshot.
        base: The rows of each table that are in the scope by themselves.
        tenant: The rows of each table that are the scope's tenants'.
        named: The clients and matters whose rows may be referred to, by kind.
        limits: How many keys of a table are held.
    """
    guards = {name: _guard(plan, name, tenant[name], named) for name in plan.tables}
    if not any(each.treatment == "referred" for each in plan.tables.values()) and not plan.narrow:
        return Pulled({}, guards)
    return _Pulling(plan, asks, guards, limits).run(base)


def _guard(plan: ScopePlan, name: TableName, tenant: Condition, named: dict[str, Condition]) -> Condition:
    """What a row must be to come along: of the scope's tenants, and of no client or matter but those in the scope.

    Of a table whose rows belong to the scope by themselves, only those come that belong to nobody: the others are
    there already.
    """
    treatment = plan.tables[name].treatment
    if treatment not in ("root", "belongs", "referred"):
        return Nothing()
    if not plan.narrow:
        return tenant if treatment == "referred" else Nothing()
    owned = [paths for paths in plan.ownerships if paths.leads(name)]
    if treatment != "referred":
        return all_of(tenant, *(paths.free(name) for paths in owned))
    return all_of(tenant, *(any_of(paths.free(name), paths.belongs(name, named[paths.kind])) for paths in owned))


class _Pulling:
    def __init__(self, plan: ScopePlan, asks: Asks, guards: dict[TableName, Condition], limits: Limits) -> None:
        self._plan, self._asks, self._guards, self._limits = plan, asks, guards, limits
        self._known = tuple(plan.catalogue.tables.values())
        self._keys: Keys = {}

    def run(self, base: dict[TableName, Condition]) -> Pulled:
        new: Keys = {}
        for name, rows in base.items():
            if self._plan.tables[name].treatment in ("root", "belongs", "whole"):
                self._follow(name, rows, new)
        while new:
            fresh, new = new, {}
            for (name, columns), keys in sorted(fresh.items()):
                rows = all_of(Among(columns=columns, values=tuple(sorted(keys))), self._guards[name])
                self._follow(name, rows, new)
        return Pulled(self._keys, self._guards)

    def _follow(self, name: TableName, rows: Condition, new: Keys) -> None:
        """Note the keys that some rows of a table hold."""
        if isinstance(rows, Nothing):
            return
        for link in self._plan.catalogue.links[name]:
            if link.to in self._guards and not isinstance(self._guards[link.to], Nothing):
                self._collect(link, rows, new)

    def _collect(self, link: Link, rows: Condition, new: Keys) -> None:
        place = (link.to, link.to_columns)
        held = self._keys.setdefault(place, set())
        table = self._plan.catalogue.tables[link.table]
        condition = all_of(rows, *(when.condition for when in link.when))
        for key in self._asks.keys(table, link.columns, RowFilter(condition=condition, tables=self._known)):
            if key not in held:
                held.add(key)
                new.setdefault(place, set()).add(key)
        if len(held) > self._limits.scope_keys_max:
            message = f"the scope refers to more than {self._limits.scope_keys_max} rows of {'.'.join(link.to)}"
            hint = "Export the whole tenant, or several smaller scopes; limits: scope_keys_max raises the limit."
            raise ScopeError(message, place=self._plan.scope.name, hint=hint)
