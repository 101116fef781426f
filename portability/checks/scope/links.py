"""The keys by which rows of the source layer refer to each other: those of schema/source.json and of the profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.scope.declared import DeclaredKey, Rules
    from portability.manifest import SourceSchema, Table

__all__ = ["Condition", "Link", "Net", "build_net", "matches"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a key is meant: a column has a value; with ``via``, in the row that this other key leads to."""

    column: str
    value: str
    via: tuple[str, str, str] | None = None  # own column, other table's label, its column


@dataclass(frozen=True, kw_only=True)
class Link:
    """One key from a table to another, by their labels."""

    table: str
    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Net:
    """All keys between the tables that have a file."""

    tables: dict[str, Table]
    links: tuple[Link, ...]
    unknown: tuple[str, ...] = field(default=())

    def of(self, table: str) -> list[Link]:
        """The keys that a table holds."""
        return [link for link in self.links if link.table == table]


def matches(table: Table, name: str) -> bool:
    """Tell whether a profile means this table: by name or by schema and name, whatever the case."""
    return name.casefold() in {table.name.casefold(), table.label.casefold()}


def build_net(source: SourceSchema, rules: Rules) -> Net:
    """Gather the keys; those that name what is not in the archive are listed as unknown."""
    tables = {table.label: table for table in source.tables if table.excluded is None}
    denied = [key for key in rules.keys if not key.to_table]
    links: dict[tuple[str, tuple[str, ...], str, tuple[Condition, ...]], Link] = {}
    unknown: list[str] = []
    own = [link for link in _declared(tables) if not _is_denied(tables[link.table], link.columns, denied)]
    for link in own:
        links.setdefault((link.table, link.columns, link.to, link.when), link)
    # A key of a table goes before one of columns of that name in any table.
    for key in sorted(rules.keys, key=lambda each: not each.table):
        if key.to_table:
            found = list(_linked(key, tables, denied, rules))
            if not found and key.table:
                unknown.append(f"{key.table}.{','.join(key.columns)}")
            for link in found:
                links.setdefault((link.table, link.columns, link.to, link.when), link)
    return Net(tables=tables, links=tuple(links.values()), unknown=tuple(unknown))


def _declared(tables: dict[str, Table]) -> Iterator[Link]:
    for label, table in tables.items():
        for key in table.foreign_keys:
            to = f"{key.target_schema}.{key.target_table}"
            if to in tables and _has(table, key.columns) and _has(tables[to], key.target_columns):
                yield Link(table=label, columns=key.columns, to=to, to_columns=key.target_columns)


def _is_denied(table: Table, columns: tuple[str, ...], denied: list[DeclaredKey]) -> bool:
    wanted = tuple(column.casefold() for column in columns)
    return any(
        (not key.table or matches(table, key.table)) and tuple(c.casefold() for c in key.columns) == wanted
        for key in denied
    )


def _linked(key: DeclaredKey, tables: dict[str, Table], denied: list[DeclaredKey], rules: Rules) -> Iterator[Link]:
    targets = [label for label, table in tables.items() if matches(table, key.to_table)]
    for label, table in tables.items():
        if key.table and not matches(table, key.table):
            continue
        columns = _carried(table, key.columns)
        for to in targets:
            to_columns = _carried(tables[to], key.to_columns)
            if columns is None or to_columns is None or (label, columns) == (to, to_columns):
                continue
            if not key.table and _is_denied(table, columns, [d for d in denied if d.table]):
                continue
            when = tuple(_condition(table, name, value, tables, rules) for name, value in key.when)
            if None not in when:
                held = tuple(each for each in when if each is not None)
                yield Link(table=label, columns=columns, to=to, to_columns=to_columns, when=held)


def _condition(table: Table, name: str, value: str, tables: dict[str, Table], rules: Rules) -> Condition | None:
    """``COLUMN`` of the row itself, or ``KEY.COLUMN`` of the row that KEY refers to."""
    here, _, there = name.partition(".")
    own = _carried(table, (here,))
    if own is None or not there:
        return None if own is None else Condition(column=own[0], value=value)
    for link in _single(table, own[0], tables, rules):
        other = _carried(tables[link[0]], (there,))
        if other is not None:
            return Condition(column=other[0], value=value, via=(own[0], link[0], link[1]))
    return None


def _single(table: Table, column: str, tables: dict[str, Table], rules: Rules) -> Iterator[tuple[str, str]]:
    for key in table.foreign_keys:
        if key.columns == (column,) and f"{key.target_schema}.{key.target_table}" in tables:
            yield f"{key.target_schema}.{key.target_table}", key.target_columns[0]
    for declared in rules.keys:
        is_here = not declared.table or matches(table, declared.table)
        if is_here and [c.casefold() for c in declared.columns] == [column.casefold()] and declared.to_table:
            for label, other in tables.items():
                found = _carried(other, declared.to_columns) if matches(other, declared.to_table) else None
                if found is not None:
                    yield label, found[0]


def _has(table: Table, columns: tuple[str, ...]) -> bool:
    return _carried(table, columns) is not None


def _carried(table: Table, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the columns by their own names; None when one is not in the file."""
    own = {c.name.casefold(): c.name for c in table.columns if c.carried != "excluded"}
    found = [own.get(name.casefold()) for name in names]
    return tuple(name for name in found if name is not None) if None not in found else None
