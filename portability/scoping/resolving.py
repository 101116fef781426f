"""From a plan to row filters: the source is asked, in the export's own snapshot, what the scope's names stand for.

A name that stands for nothing, for several rows, for another tenant's row or for one that contradicts the rest of the
scope is refused, all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.errors import ScopeError
from portability.plurals import counted, first_few
from portability.scoping.filters import (
    Among,
    Condition,
    Everything,
    Filled,
    Nothing,
    RowFilter,
    TableName,
    all_of,
    any_of,
)
from portability.scoping.mentions import shared_mentions
from portability.scoping.orphans import Orphans
from portability.scoping.pulling import Pulled, pull_rows
from portability.scoping.unclear import Unclear, unclear_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.limits import Limits
    from portability.manifest import Table
    from portability.scoping.asks import Asks
    from portability.scoping.document import Named
    from portability.scoping.paths import Paths
    from portability.scoping.planning import PlannedTable, ScopePlan

__all__ = ["ScopedRows", "resolve_scope"]


@dataclass(frozen=True, kw_only=True)
class ScopedRows:
    """The rows that each table gives; ``roots`` are the keys that the scope's names stand for."""

    plan: ScopePlan
    filters: dict[TableName, RowFilter]
    roots: dict[str, tuple[tuple[str, ...], ...]]
    orphans: dict[str, int] = field(default_factory=dict)
    unclear: tuple[Unclear, ...] = ()


def resolve_scope(plan: ScopePlan, asks: Asks, limits: Limits) -> ScopedRows:
    """Find the rows that a scope names, what refers to them, and what they refer to.

    Raises:
        ScopeError: Lists every name that cannot be kept, and every table with rows that reach no tenant.
    """
    return _Resolver(plan, asks, limits).resolve()


class _Resolver:
    def __init__(self, plan: ScopePlan, asks: Asks, limits: Limits) -> None:
        self._plan, self._asks, self._limits = plan, asks, limits
        self._known = tuple(plan.catalogue.tables.values())
        self._roots: dict[str, Condition] = {}
        self._keys: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._problems: list[str] = []

    def resolve(self) -> ScopedRows:
        for kind, paths in self._plan.paths.items():
            self._find_roots(kind, paths)
        if not self._problems:
            self._agree()
        orphans: dict[str, int] = {}
        if not self._problems:
            orphans = dict(self._orphans())
            self._problems += shared_mentions(self._plan, self._asks, self._limits)
        if self._problems:
            raise self._refused()
        base = {name: self._base(planned) for name, planned in self._plan.tables.items()}
        guards = {name: self._tenant(name) for name in self._plan.tables}
        named = {paths.kind: self._in_scope(paths) for paths in self._plan.ownerships} if self._plan.narrow else {}
        pulled = pull_rows(self._plan, self._asks, base, guards, named, self._limits)
        filters = {
            name: RowFilter(condition=self._final(planned, base[name], pulled), tables=self._known)
            for name, planned in self._plan.tables.items()
        }
        unclear = tuple(unclear_rows(self._plan, self._asks, self._tenant, self._named_rows))
        return ScopedRows(plan=self._plan, filters=filters, roots=self._keys, orphans=orphans, unclear=unclear)

    def _refused(self) -> ScopeError:
        told = sorted(set(self._problems))
        hint = "Mend the scope (or what the profile says under scope: orphans: and mentions:). Nothing was read."
        return ScopeError(first_few(told), place=self._plan.scope.name, hint=hint, details=told)

    # -- what the names stand for -------------------------------------------------------------------------------------

    def _find_roots(self, kind: str, paths: Paths) -> None:
        table = self._plan.catalogue.tables[paths.root]
        key = self._column(table, self._plan.roots[kind].key)
        name = self._plan.roots[kind].name
        found: dict[Named, set[tuple[str, ...]]] = {}
        for by_key in (True, False):
            named = [each for each in self._plan.scope.roots[kind] if (each.key is not None or name is None) == by_key]
            column = key if by_key or name is None else self._column(table, name)
            found |= self._look_up(table, column, key, named)
        for each, keys in found.items():
            self._judge(kind, each, keys)
        keys_found = tuple(sorted({key for keys in found.values() for key in keys}))
        self._keys[kind] = keys_found
        self._roots[kind] = Among(columns=(key,), values=keys_found) if keys_found else Nothing()

    def _column(self, table: Table, name: str) -> str:
        return next(column.name for column in table.columns if column.name.casefold() == name.casefold())

    def _look_up(self, table: Table, column: str, key: str, named: list[Named]) -> dict[Named, set[tuple[str, ...]]]:
        """Ask for all at once, then one by one for those that the source writes otherwise than the scope does."""
        if not named:
            return {}
        texts = {each: str(each.key if each.key is not None else each.name) for each in named}
        guard = self._tenant((table.schema, table.name))
        found: dict[str, set[tuple[str, ...]]] = {}
        wanted = Among(columns=(column,), values=tuple((text,) for text in sorted(set(texts.values()))))
        for text, value in self._ask(table, (column, key), all_of(wanted, guard)):
            found.setdefault(text, set()).add((value,))
        for text in sorted(set(texts.values()) - set(found)):
            one = all_of(Among(columns=(column,), values=((text,),)), guard)
            found[text] = {(value,) for _, value in self._ask(table, (column, key), one)}
        return {each: found[text] for each, text in texts.items()}

    def _judge(self, kind: str, named: Named, keys: set[tuple[str, ...]]) -> None:
        if not keys:
            # One wording: whether another firm has such a number is nothing that this scope may tell.
            several = kind != "tenant" and "tenant" in self._plan.paths
            told = "is not in the source" + (", or is of another tenant than the scope's" if several else "")
            self._problems.append(f"{kind} {named.shown} {told}")
        elif len(keys) > 1:
            shown = ", ".join(key for (key,) in sorted(keys)[:5])
            self._problems.append(f"{kind} {named.shown} is {len(keys)} rows: name one by {{key: …}} of {shown}")

    def _ask(self, table: Table, columns: tuple[str, ...], condition: Condition) -> Iterator[tuple[str, ...]]:
        return self._asks.keys(table, columns, RowFilter(condition=condition, tables=self._known))

    def _agree(self) -> None:
        """What is named must be of what else is named: a matter of the clients, a client of the contacts."""
        for upper in self._plan.narrow:
            for lower in self._plan.narrow:
                if upper.kind == lower.kind or not upper.leads(lower.root):
                    continue
                table = self._plan.catalogue.tables[lower.root]
                key = self._column(table, self._plan.roots[lower.kind].key)
                within = all_of(self._roots[lower.kind], upper.belongs(lower.root, self._roots[upper.kind]))
                agreed = set(self._ask(table, (key,), within))
                for (value,) in sorted(set(self._keys[lower.kind]) - agreed):
                    self._problems.append(f"{lower.kind} with key {value} is of no {upper.kind} that the scope names")

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _tenant(self, name: TableName) -> Condition:
        """The rows of a table that are the scope's tenants', whatever else they are."""
        paths = self._plan.paths.get("tenant")
        if paths is None or "tenant" not in self._roots or not paths.leads(name):
            return Everything()
        return paths.belongs(name, self._roots["tenant"])

    def _base(self, planned: PlannedTable) -> Condition:
        """The rows of a table that are in the scope by themselves."""
        name = planned.place
        if planned.treatment in ("outside", "referred"):
            return Nothing()
        if planned.treatment == "shared":
            return Everything()
        return all_of(self._named_rows(name), self._plan.dates.within(name))

    def _named_rows(self, name: TableName) -> Condition:
        """The rows of a table that belong to what the scope names, on whatever day."""
        return all_of(
            self._tenant(name), *(paths.belongs(name, self._roots[paths.kind]) for paths in self._plan.narrow)
        )

    def _in_scope(self, paths: Paths) -> Condition:
        """The clients, or matters, that the scope names, that belong to what it names, or to which that belongs."""
        kind, root = paths.kind, paths.root
        if kind in self._roots:
            return self._roots[kind]
        narrow = self._plan.narrow
        if all(each.leads(root) for each in narrow):
            return self._named_rows(root)
        above = [self._above(paths, each.root, self._roots[each.kind]) for each in narrow if paths.leads(each.root)]
        return all_of(self._tenant(root), *above) if above else Nothing()

    def _above(self, paths: Paths, start: TableName, rows: Condition) -> Condition:
        """The roots that some rows of a table belong to: their owner keys, followed upwards in the source."""
        if start == paths.root:
            return rows
        found: list[Condition] = []
        before: list[Condition] = []
        for owner in paths.owners(start):
            for link in owner:
                meant = all_of(rows, *before, *(when.condition for when in link.when))
                keys = tuple(sorted(self._ask(self._plan.catalogue.tables[start], link.columns, meant)))
                if keys:
                    found.append(self._above(paths, link.to, Among(columns=link.to_columns, values=keys)))
            before.append(Filled(columns=owner[0].columns, no=True))
        return any_of(*found)

    def _final(self, planned: PlannedTable, base: Condition, pulled: Pulled) -> Condition:
        if planned.treatment in ("outside", "shared"):
            return base
        return any_of(base, pulled.rows(planned.place))

    def _orphans(self) -> Iterator[tuple[str, int]]:
        """Count the rows that reach no tenant, where some might; they stop everything unless the profile knows them."""
        paths = self._plan.paths.get("tenant")
        if paths is None:
            return
        known = self._plan.catalogue.reasons(self._plan.section.orphans, "orphans")
        for planned, missing in Orphans(self._plan, paths, self._asks).found():
            if planned.place not in known:
                label = planned.table.label
                reach = counted(missing, f"row of {label} reaches", f"rows of {label} reach")
                self._problems.append(f"{reach} no tenant")
            yield planned.table.label, missing
