"""What a scope that names entities, tables or fields leaves of the source's tables and columns, by the coverage.

``reports/coverage.json`` says which columns the maps read for what. It is the maker's, like the profile: a table that
it calls read for a named entity is held against the keys as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from portability.archive import COVERAGE_JSON
from portability.checks.scope.links import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case
    from portability.checks.scope.declared import Rules, Scope
    from portability.checks.scope.links import Net
    from portability.manifest import Table
    from portability.model import Field

__all__ = ["LEFT_BY_SCOPE", "columns_not_kept", "may_be_left_out", "read_feeds", "tables_not_kept"]

LEFT_BY_SCOPE = "neither it nor its entities are named"
_CONDITION = "(condition)"
_SAYS_NOTHING = ("id", "source_system", "source_key", "is_deleted")


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: str
    targets: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    name: str
    columns: tuple[_Column, ...]


class _Coverage(msgspec.Struct, frozen=True, kw_only=True):
    tables: tuple[_Table, ...]


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What maps make of a table: ``entity.field`` by column; ``has_gaps`` where columns were left out since."""

    targets: dict[str, tuple[str, ...]]
    has_gaps: bool

    @property
    def entities(self) -> set[str]:
        """The entities that maps read the table for."""
        return {target.partition(".")[0] for targets in self.targets.values() for target in targets}


def read_feeds(case: Case) -> dict[str, Fed]:
    """Return what the coverage says of each table; nothing of a coverage that cannot be read, which is D229."""
    try:
        tables = msgspec.convert(case.json.get(COVERAGE_JSON), _Coverage).tables
    except msgspec.ValidationError:
        return {}
    return {
        f"{each.schema}.{each.name}": Fed(
            targets={column.name: column.targets for column in each.columns},
            has_gaps=any(column.status == "excluded" for column in each.columns),
        )
        for each in tables
    }


def tables_not_kept(case: Case, scope: Scope, rules: Rules, net: Net) -> set[str]:
    """Return the tables that hold no row because the scope names neither them nor an entity that is made of them.

    The tables of what it names stay. So does one of which columns were left out, where the coverage no longer says what
    these were read for: its rows are held against the keys, and what the export says of it against its rows.
    """
    if not scope.entities and not scope.tables:
        return set()
    feeds, wanted = read_feeds(case), set(scope.entities)
    roots = [rules.roots[kind].table for kind in scope.kinds if kind in rules.roots]
    left = set()
    for label, table in net.tables.items():
        fed = feeds.get(label)
        is_read = fed is not None and bool(fed.entities & wanted)
        is_unclear = fed is not None and fed.has_gaps and bool(scope.fields or scope.columns)
        if not is_read and not is_unclear and not any(matches(table, name) for name in (*scope.tables, *roots)):
            left.add(label)
    return left


def columns_not_kept(case: Case, scope: Scope, table: Table, fed: Fed) -> Iterator[str]:
    """Name the columns in a file that feed nothing that ``fields`` of the scope keep."""
    if not fed.entities & set(scope.fields):
        return
    carried = {column.name for column in table.columns if column.carried != "excluded"}
    for name, targets in fed.targets.items():
        if name in carried and not any(_is_kept(case, scope, target) for target in targets):
            yield name


def _is_kept(case: Case, scope: Scope, target: str) -> bool:
    """Tell whether a scope keeps a field; a map's condition is kept with its entity, or other rows would be made."""
    entity, _, name = target.partition(".")
    kept = scope.fields.get(entity)
    if (scope.entities or scope.tables) and entity not in scope.entities:
        return False
    if kept is None or name in kept or name == _CONDITION:
        return True
    known = {each.name: each for found in case.model.entities if found.name == entity for each in found.fields}
    return name in known and not may_be_left_out(known[name])


def may_be_left_out(field: Field) -> bool:
    """Tell whether a field of a row may be empty: it says something, is not required and is no reference."""
    return not field.required and field.ref is None and field.name not in _SAYS_NOTHING
