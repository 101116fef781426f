"""The order in which tables are loaded: parents first; where references lead in a circle, some columns wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portability.manifest import Table
    from portability.profiles.loading import LoadTable

__all__ = ["deferred_columns", "load_order"]


def load_order(specs: Mapping[str, LoadTable], tables: Mapping[str, Table]) -> list[str]:
    """Return the tables' names, parents before children; a circle is cut where a column may be empty."""
    hard, soft = _edges(specs, tables)
    order: list[str] = []
    left = sorted(specs)
    while left:
        free = [name for name in left if not (hard[name] | soft[name]) & set(left) - {name}]
        free = free or [name for name in left if not hard[name] & set(left) - {name}][:1]
        # A circle of columns that must be filled: whether it can be loaded is the DBMS's business.
        free = free or left[:1]
        order += free
        left = [name for name in left if name not in free]
    return order


def _edges(
    specs: Mapping[str, LoadTable], tables: Mapping[str, Table]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Parents of each table: through columns that must be filled, and through others."""
    hard: dict[str, set[str]] = {name: set() for name in specs}
    soft: dict[str, set[str]] = {name: set() for name in specs}
    for name, spec in specs.items():
        nullable = {column.name.casefold() for column in tables[name].columns if column.nullable}
        for column, reference in spec.references.items():
            (soft if column.casefold() in nullable else hard)[name].update(reference.tables)
        for key in tables[name].foreign_keys:
            may_wait = any(column.casefold() in nullable for column in key.columns)
            (soft if may_wait else hard)[name].update({key.target_table} & set(specs))
    return hard, soft


def deferred_columns(
    name: str, order: Iterable[str], table: Table, filled: set[str], *, by_row: bool
) -> frozenset[str]:
    """Name the columns of declared references to rows that come later, or to the table itself.

    Args:
        name: Of the table.
        order: Names of all tables in their order.
        table: As the target declares it.
        filled: Columns that are filled.
        by_row: The DBMS checks references row by row and not at the end of a statement.
    """
    places = {each: number for number, each in enumerate(order)}
    nullable = {column.name for column in table.columns if column.nullable}
    waiting: set[str] = set()
    for key in table.foreign_keys:
        later = places.get(key.target_table, -1) > places[name]
        if later or (key.target_table == name and by_row):
            waiting |= set(key.columns) & nullable & filled
    return frozenset(waiting)
