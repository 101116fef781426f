"""What a scope leaves of tables and columns when it names entities, tables, fields or columns.

Keys are always kept: without them nothing can be followed, checked or joined. Columns that hold other clients' data too
(``mixed:`` in the profile) never travel in a scope that is narrower than a tenant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.errors import ScopeError
from portability.profiles.scope_section import split_place

if TYPE_CHECKING:
    from portability.manifest import SourceSchema, Table
    from portability.model import Entity, Model
    from portability.profiles import ScopeSection
    from portability.scoping.document import Scope
    from portability.scoping.filters import TableName
    from portability.scoping.planning import ScopePlan

__all__ = ["CONDITION", "Feeds", "Kept", "columns_left_out", "kept_fields", "kept_tables"]

Feeds = Mapping[tuple[str, str, str], tuple[str, ...]]
"""(schema, table, column) to the ``entity.field`` and ``entity.(condition)`` that maps make of it."""
CONDITION = "(condition)"
# What every row of an entity has, whatever a scope keeps of it.
_ALWAYS = frozenset({"id", "source_key", "source_system", "is_deleted"})


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The entities that are written (None: all), and the fields that are kept of some of them."""

    entities: frozenset[str] | None
    fields: dict[str, frozenset[str]]

    @property
    def restricts(self) -> bool:
        """Whether anything of the canonical layer is left out."""
        return self.entities is not None or bool(self.fields)


def kept_fields(scope: Scope, model: Model, mapped: frozenset[str]) -> Kept:
    """Return what is written of the canonical layer.

    Raises:
        ScopeError: Lists entities and fields that do not exist, or that no map makes.
    """
    problems = [f"entities: no map makes an entity {name}" for name in scope.entities if name not in mapped]
    fields: dict[str, frozenset[str]] = {}
    for name, wanted in scope.fields.items():
        if name not in mapped:
            problems.append(f"fields: no map makes an entity {name}")
            continue
        entity = model.entity(name)
        have = {f.name for f in entity.fields}
        problems += [f"fields: {name} has no field {field}" for field in wanted if field not in have]
        fields[name] = frozenset(wanted) | _required(entity)
    if problems:
        hint = "docs/data_dictionary.md lists entities and fields; `portability inspect` what the profile fills."
        raise ScopeError("; ".join(problems), place=scope.name, hint=hint, details=problems)
    only_tables = bool(scope.tables) and not scope.entities
    entities = frozenset(scope.entities) if scope.entities or only_tables else None
    return Kept(entities=entities, fields=fields)


def _required(entity: Entity) -> frozenset[str]:
    return _ALWAYS | {f.name for f in entity.fields if f.required} | set(entity.primary_key)


def kept_tables(scope: Scope, source: SourceSchema, feeds: Feeds) -> frozenset[TableName] | None:
    """Return the tables whose rows may be read: those that the entities' maps read, and those named; None for all.

    Raises:
        ScopeError: Lists tables that do not exist.
    """
    if not scope.entities and not scope.tables:
        return None
    tables = [table for table in source.tables if table.excluded is None]
    named = {name.casefold() for name in scope.tables}
    known = {text.casefold() for table in tables for text in (table.name, table.label)}
    missing = sorted(name for name in scope.tables if name.casefold() not in known)
    if missing:
        hint = "`portability inspect` lists the tables."
        message = f"tables: the source has none of {', '.join(missing)}, or the profile leaves them out"
        raise ScopeError(message, place=scope.name, hint=hint, details=missing)
    wanted = set(scope.entities)
    read = {(s, t) for (s, t, _), targets in feeds.items() if wanted & {target.split(".")[0] for target in targets}}
    chosen = {(t.schema, t.name) for t in tables if {t.name.casefold(), t.label.casefold()} & named}
    return frozenset(read | chosen)


def columns_left_out(
    plan: ScopePlan, feeds: Feeds, kept: Kept, profile_section: ScopeSection
) -> dict[TableName, dict[str, str]]:
    """Return the columns that are not selected, each with its reason.

    Raises:
        ScopeError: Lists tables and columns that the scope or the profile names and the source does not have.
    """
    before = len(plan.catalogue.problems)
    left: dict[TableName, dict[str, str]] = {}
    outside = f"outside the scope {plan.scope.name}"
    for name, planned in plan.tables.items():
        keys = _keys(plan, planned.table)
        for column in _by_fields(planned.table, feeds, kept):
            if column not in keys:
                left.setdefault(name, {})[column] = outside
    for text, wanted in plan.scope.columns.items():
        table = plan.catalogue.find(text, "columns")
        found = None if table is None else plan.catalogue.columns(table, wanted, "columns")
        if table is not None and found is not None:
            keep = _keys(plan, table) | set(found)
            place = (table.schema, table.name)
            left.setdefault(place, {}).update({c.name: outside for c in table.columns if c.name not in keep})
    for name, column, reason in _mixed(plan, profile_section):
        left.setdefault(name, {})[column] = f"{outside}: {reason}"
    problems = plan.catalogue.problems[before:]
    if problems:
        hint = "`portability inspect` lists tables and columns."
        raise ScopeError("; ".join(problems), place=plan.scope.name, hint=hint, details=problems)
    return left


def _by_fields(table: Table, feeds: Feeds, kept: Kept) -> Iterator[str]:
    """The columns of a table that feed nothing that is kept; all stay where the scope keeps every field."""
    if not kept.fields:
        return
    fed = {c.name: feeds.get((table.schema, table.name, c.name), ()) for c in table.columns}
    entities = {target.split(".")[0] for targets in fed.values() for target in targets}
    if not entities & set(kept.fields):
        return
    for column, targets in fed.items():
        if not any(_is_kept(target, kept) for target in targets):
            yield column


def _is_kept(target: str, kept: Kept) -> bool:
    entity, _, field = target.partition(".")
    if kept.entities is not None and entity not in kept.entities:
        return False
    return entity not in kept.fields or field == CONDITION or field in kept.fields[entity]


def _keys(plan: ScopePlan, table: Table) -> set[str]:
    """Primary key, every key that refers or is referred to, and the columns by which the scope is kept."""
    name = (table.schema, table.name)
    keys = set(table.primary_key.columns) if table.primary_key else set()
    for links in plan.catalogue.links.values():
        for link in links:
            if link.table == name:
                keys |= {*link.columns, *(when.column for when in link.when if when.via is None)}
            if link.to == name:
                keys |= set(link.to_columns)
            keys |= {when.column for when in link.when if when.via is not None and when.via.to == name}
    for kind, paths in plan.paths.items():
        if paths.root == name:
            root = plan.roots[kind]
            wanted = {root.key.casefold(), (root.name or root.key).casefold()}
            keys |= {column.name for column in table.columns if column.name.casefold() in wanted}
    date = plan.dates.column(name)
    return keys | ({date} if date else set())


def _mixed(plan: ScopePlan, section: ScopeSection) -> Iterator[tuple[TableName, str, str]]:
    if not plan.narrow:
        return
    for text, reason in section.mixed.items():
        name, columns = split_place(text)
        table = plan.catalogue.find(name, "scope.mixed")
        found = None if table is None else plan.catalogue.columns(table, columns, "scope.mixed")
        if table is not None and found is not None:
            yield (table.schema, table.name), found[0], reason
