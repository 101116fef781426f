"""From a plan to row filters: the source is asked, in the export's own snapshot, what the scope's names stand for.

A name that stands for nothing, for several rows, for another tenant's row or for one that contradicts the rest of the
scope is refused, all of them at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from portability.errors import ScopeError
from portability.scoping.filters import (
    Among,
    Apart,
    Condition,
    Everything,
    Nothing,
    RowFilter,
    TableName,
    all_of,
    any_of,
)
from portability.scoping.pulling import Pulled, pull_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.limits import Limits
    from portability.manifest import Table
    from portability.scoping.document import Named
    from portability.scoping.paths import Paths
    from portability.scoping.planning import PlannedTable, ScopePlan

__all__ = ["Asks", "ScopedRows", "resolve_scope"]

_SHOWN = 20
_GAPS_MAX = 500  # tenants; more make a condition that takes longer to plan than a table to scan
_WHOLE = re.compile(r"int|serial", re.IGNORECASE)
_DIGITS = re.compile(r"-?[0-9]{1,18}")


class Asks(Protocol):
    """What a snapshot answers."""

    def count(self, table: Table, rows: RowFilter | None = None) -> int: ...

    def keys(self, table: Table, columns: Sequence[str], rows: RowFilter) -> Iterator[tuple[str, ...]]: ...


@dataclass(frozen=True, kw_only=True)
class ScopedRows:
    """The rows that each table gives; ``roots`` are the keys that the scope's names stand for."""

    plan: ScopePlan
    filters: dict[TableName, RowFilter]
    roots: dict[str, tuple[tuple[str, ...], ...]]
    orphans: dict[str, int] = field(default_factory=dict)


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
        self._tenants: tuple[int, ...] | None = None

    def resolve(self) -> ScopedRows:
        for kind, paths in self._plan.paths.items():
            self._find_roots(kind, paths)
        if not self._problems:
            self._agree()
        orphans = dict(self._orphans()) if not self._problems else {}
        if self._problems:
            raise self._refused()
        base = {name: self._base(planned) for name, planned in self._plan.tables.items()}
        guards = {name: self._tenant(name) for name in self._plan.tables}
        pulled = pull_rows(self._plan, self._asks, base, guards, self._limits)
        filters = {
            name: RowFilter(condition=self._final(planned, base[name], pulled), tables=self._known)
            for name, planned in self._plan.tables.items()
        }
        return ScopedRows(plan=self._plan, filters=filters, roots=self._keys, orphans=orphans)

    def _refused(self) -> ScopeError:
        told = sorted(set(self._problems))
        more = f"; and {len(told) - _SHOWN} more (--json lists all)" if len(told) > _SHOWN else ""
        hint = "Mend the scope (or, for rows that reach no tenant, the profile's scope: orphans:). Nothing was read."
        return ScopeError("; ".join(told[:_SHOWN]) + more, place=self._plan.scope.name, hint=hint, details=told)

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
            self._judge(kind, table, each, keys)
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

    def _judge(self, kind: str, table: Table, named: Named, keys: set[tuple[str, ...]]) -> None:
        if not keys:
            elsewhere = kind != "tenant" and self._stands_elsewhere(kind, table, named)
            told = "is of another tenant than the scope's" if elsewhere else "is not in the source"
            self._problems.append(f"{kind} {named.shown} {told}")
        elif len(keys) > 1:
            shown = ", ".join(key for (key,) in sorted(keys)[:5])
            self._problems.append(f"{kind} {named.shown} is {len(keys)} rows: name one by {{key: …}} of {shown}")

    def _stands_elsewhere(self, kind: str, table: Table, named: Named) -> bool:
        name = self._plan.roots[kind].name
        column = self._column(table, name if named.key is None and name else self._plan.roots[kind].key)
        wanted = Among(columns=(column,), values=((str(named.key or named.name),),))
        return any(self._ask(table, (column,), wanted))

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
        narrow = [paths.belongs(name, self._roots[paths.kind]) for paths in self._plan.narrow]
        return all_of(self._tenant(name), *narrow, self._plan.dates.within(name))

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
        for name, planned in self._plan.tables.items():
            if planned.treatment in ("shared", "outside") or not paths.leads(name) or not paths.may_miss(name):
                continue
            missing = self._count_missing(planned.table, paths)
            if missing and name not in known:
                self._problems.append(f"{missing} rows of {planned.table.label} reach no tenant")
            if missing:
                yield planned.table.label, missing

    def _gaps(self, table: Table, paths: Paths) -> Condition | None:
        """What a numbered tenant's own column may not hold, where a few tenants make it short enough to say."""
        owners = paths.owners((table.schema, table.name))
        link = owners[0][0] if len(owners) == 1 and len(owners[0]) == 1 else None
        if link is None or link.to != paths.root or link.when or len(link.columns) != 1:
            return None
        root = self._plan.catalogue.tables[paths.root]
        ends = (table.column(link.columns[0]), root.column(link.to_columns[0]))
        if not all(_WHOLE.search(column.native_type) for column in ends):
            return None
        if self._tenants is None:
            keys = {key for (key,) in self._ask(root, link.to_columns, Everything())}
            self._tenants = tuple(sorted(map(int, keys))) if all(_DIGITS.fullmatch(key) for key in keys) else ()
        few = 0 < len(self._tenants) <= _GAPS_MAX
        return Apart(column=link.columns[0], values=self._tenants) if few else None

    def _count_missing(self, table: Table, paths: Paths) -> int:
        name = (table.schema, table.name)
        missed = self._gaps(table, paths) or paths.misses(name)
        if missed is not None:
            return self._asks.count(table, RowFilter(condition=missed, tables=self._known))
        reached = RowFilter(condition=paths.belongs(name, Everything()), tables=self._known)
        return self._asks.count(table) - self._asks.count(table, reached)
