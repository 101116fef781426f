"""Tenants that a shared table names: a lookup that says who somebody is belongs to somebody, whatever its keys say.

Asked of the source in the export's snapshot, by value: no column's name and no missing key can hide it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portability.errors import ScopeError
from portability.scoping.filters import Among, Everything, RowFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.limits import Limits
    from portability.manifest import Column, Table
    from portability.scoping.asks import Asks
    from portability.scoping.planning import ScopePlan

__all__ = ["shared_mentions"]

_TEXT = re.compile(r"char|text|clob|enum|name|string", re.IGNORECASE)
# A number or a letter or two stands for many things; a text of three characters with a letter in it can be somebody.
_TELLING = re.compile(r"(?=.*[^\W\d_]).{3,}", re.DOTALL)
_VALUES_AT_ONCE = 1_000


def shared_mentions(plan: ScopePlan, asks: Asks, limits: Limits) -> Iterator[str]:
    """Say which columns of shared tables hold what names one tenant: its key, its name, anything that is its alone.

    Columns under ``mentions:`` in the profile have a reason; a database of a single tenant has nobody to betray.
    """
    paths = plan.paths.get("tenant")
    shared = [each.table for each in plan.tables.values() if each.treatment == "shared"]
    if paths is None or not shared:
        return
    known = tuple(plan.catalogue.tables.values())
    have = {f"{table.name}.{column.name}".casefold() for table in shared for column in table.columns}
    unknown = [place for place in plan.section.mentions if place.casefold() not in have]
    yield from (f"scope.mentions: {place} is no column of a shared table" for place in unknown)
    excused = {place.casefold() for place in plan.section.mentions}
    values = _telling(plan, asks, plan.catalogue.tables[paths.root], known, limits)
    for table in shared:
        for column in table.columns:
            place = f"{table.name}.{column.name}".casefold()
            if _is_text(column) and place not in excused and _holds(asks, table, column, values, known):
                yield (
                    f"{table.label} is called shared, and {column.name} holds what names a tenant: take the table from "
                    f"shared:, or give the column a reason under scope: mentions: {table.name}.{column.name}"
                )


def _telling(plan: ScopePlan, asks: Asks, root: Table, known: tuple[Table, ...], limits: Limits) -> list[str]:
    """The texts by which tenants are told apart."""
    declared = plan.roots["tenant"]
    key = next(c.name for c in root.columns if c.name.casefold() == declared.key.casefold())
    every = RowFilter(condition=Everything(), tables=known)
    found: set[str] = set()
    for column in root.columns:
        named = column.name.casefold() in (declared.key.casefold(), (declared.name or declared.key).casefold())
        if not (_is_text(column) or named) or column.carried == "excluded":
            continue
        held = [value for _, value in asks.keys(root, (key, column.name), every)]
        # What several tenants have in common names none of them.
        if len(held) > 1 and (named or len(set(held)) == len(held)):
            found |= {value for value in held if _TELLING.fullmatch(value)}
        if len(found) > limits.scope_keys_max:
            message = f"the tenants are told apart by more than {limits.scope_keys_max} texts"
            raise ScopeError(message, place=plan.scope.name, hint="limits: scope_keys_max raises the limit.")
    return sorted(found)


def _holds(asks: Asks, table: Table, column: Column, values: list[str], known: tuple[Table, ...]) -> bool:
    told = [value for value in values if column.labels is None or value in column.labels]
    for start in range(0, len(told), _VALUES_AT_ONCE):
        some = tuple((value,) for value in told[start : start + _VALUES_AT_ONCE])
        if asks.count(table, RowFilter(condition=Among(columns=(column.name,), values=some), tables=known)):
            return True
    return False


def _is_text(column: Column) -> bool:
    # A column of SQLite need not be declared as anything; an enum's type has a name of its own.
    return not column.native_type or column.labels is not None or bool(_TEXT.search(column.native_type))
