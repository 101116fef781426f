"""Rows that a scope leaves out because nothing can be made of what they say: an odd date, a kind that nobody declared.

They are counted and told: a gap in what is released is found by its reader, not by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.scoping.filters import Condition, Filled, RowFilter, TableName, all_of, any_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portability.scoping.asks import Asks
    from portability.scoping.links import Link
    from portability.scoping.planning import ScopePlan

__all__ = ["Unclear", "unclear_rows"]

_READ = ("root", "belongs", "whole")


@dataclass(frozen=True, kw_only=True)
class Unclear:
    """Rows of the scope's tenants about which a column says nothing that can be used."""

    table: str
    columns: tuple[str, ...]
    text: str
    rows: int


def unclear_rows(
    plan: ScopePlan, asks: Asks, tenant: Callable[[TableName], Condition], within: Callable[[TableName], Condition]
) -> Iterator[Unclear]:
    """Count them in every table that has a date or a key of several kinds.

    Args:
        plan: What becomes of each table.
        asks: The snapshot.
        tenant: The rows of a table that are the scope's tenants'.
        within: The rows of a table that the scope would have, were it not for the days.
    """
    known = tuple(plan.catalogue.tables.values())

    def count(name: TableName, condition: Condition) -> int:
        return asks.count(plan.catalogue.tables[name], RowFilter(condition=condition, tables=known))

    for name, planned in plan.tables.items():
        if planned.treatment not in _READ:
            continue
        label, unread = planned.table.label, plan.dates.unread(name)
        if unread is not None:
            rows = count(name, all_of(within(name), unread))
            if rows:
                text = "rows have a date that cannot be read: they are outside the scope's days"
                yield Unclear(table=label, columns=(str(plan.dates.column(name)),), text=text, rows=rows)
        if not plan.narrow:
            continue  # a row of a tenant is in its archive whatever it is about
        for columns, kinds in _polymorphic(plan, name).items():
            used = all_of(tenant(name), Filled(columns=columns))
            rows = count(name, used) - count(name, all_of(used, any_of(*kinds)))
            if rows:
                text = "rows are of a kind that the profile does not know: they belong to nothing that a scope names"
                yield Unclear(table=label, columns=columns, text=text, rows=rows)


def _polymorphic(plan: ScopePlan, name: TableName) -> dict[tuple[str, ...], list[Condition]]:
    """The columns that refer to rows of several kinds, with the rows in which each kind is meant."""
    links: dict[tuple[str, ...], list[Link]] = {}
    for link in plan.catalogue.links[name]:
        links.setdefault(link.columns, []).append(link)
    return {
        columns: [all_of(*(when.condition for when in link.when)) for link in each]
        for columns, each in links.items()
        if all(link.when for link in each)
    }
