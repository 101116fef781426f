"""The keys by which rows refer to rows: those that the database declares and those that the profile adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.profiles.scope_section import split_place
from portability.scoping.filters import Among, Condition, Filled, Reaches, TableName, all_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.manifest import SourceSchema, Table
    from portability.profiles.scope_section import KeyTarget, ScopeSection

__all__ = ["Catalogue", "Link", "When"]


@dataclass(frozen=True, kw_only=True)
class When:
    """The rows in which a key is meant: a column holds a value, in the row or in the one that ``via`` refers to."""

    column: str
    value: str
    via: Link | None = None

    @property
    def condition(self) -> Condition:
        """The rows of the key's own table."""
        here = Among(columns=(self.column,), values=((self.value,),))
        return here if self.via is None else self.via.reach(here)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One key: columns of a table that refer to columns of another. ``declared`` by the database, else the profile."""

    table: TableName
    columns: tuple[str, ...]
    to: TableName
    to_columns: tuple[str, ...]
    when: tuple[When, ...] = ()
    declared: bool = False

    @property
    def shown(self) -> str:
        """``TABLE.COLUMN``, for people."""
        return f"{self.table[1]}.{','.join(self.columns)}"

    def reach(self, rows: Condition) -> Condition:
        """The rows of this table that refer to ``rows`` of the other one."""
        conditions = [when.condition for when in self.when]
        if isinstance(rows, Among) and rows.columns == self.to_columns:
            conditions.append(Among(columns=self.columns, values=rows.values))
        else:
            conditions.append(Reaches(columns=self.columns, table=self.to, to_columns=self.to_columns, rows=rows))
        return all_of(*conditions)

    @property
    def used(self) -> Condition:
        """The rows in which the key says something."""
        return all_of(Filled(columns=self.columns), *(when.condition for when in self.when))


class Catalogue:
    """A source's tables by any way of writing their names, and all their keys.

    ``problems`` collects what the profile names and the source does not have.
    """

    def __init__(self, source: SourceSchema, section: ScopeSection) -> None:
        self.source = source
        self.problems: list[str] = []
        self.tables = {(t.schema, t.name): t for t in source.tables if t.excluded is None}
        self._by_name: dict[str, list[TableName]] = {}
        for name, table in self.tables.items():
            for text in {table.name.casefold(), table.label.casefold()}:
                self._by_name.setdefault(text, []).append(name)
        self._left_out = {text.casefold() for t in source.tables if t.excluded for text in (t.name, t.label)}
        self.links = self._collect(section)

    def find(self, name: str, place: str) -> Table | None:
        """Return the table of a name; None when it is excluded, or there is none, which is a problem."""
        found = self._by_name.get(name.casefold(), [])
        if len(found) == 1:
            return self.tables[found[0]]
        if len(found) > 1:
            self.problems.append(f"{place}: several tables are called {name}: write SCHEMA.{name}")
        elif name.casefold() not in self._left_out:
            self.problems.append(f"{place}: the source has no table {name}")
        return None

    def columns(self, table: Table, names: tuple[str, ...], place: str) -> tuple[str, ...] | None:
        """Return columns as the source writes them; None when one is missing, which is a problem."""
        have = {column.name.casefold(): column.name for column in table.columns}
        missing = [name for name in names if name.casefold() not in have]
        if missing:
            self.problems.append(f"{place}: {table.label} has no column {', '.join(missing)}")
            return None
        return tuple(have[name.casefold()] for name in names)

    def reasons(self, rules: dict[str, str], place: str) -> dict[TableName, str]:
        """Return a mapping of tables to reasons with the tables as discovered."""
        found = [(self.find(name, f"scope.{place}"), reason) for name, reason in rules.items()]
        return {(table.schema, table.name): reason for table, reason in found if table is not None}

    def _collect(self, section: ScopeSection) -> dict[TableName, tuple[Link, ...]]:
        links: dict[TableName, dict[tuple[object, ...], Link]] = {name: {} for name in self.tables}
        silent: set[tuple[TableName, tuple[str, ...]]] = set()
        named: set[tuple[TableName, tuple[str, ...]]] = set()
        # A key that names its table comes before one that is meant for every table.
        for key, targets in sorted(section.keys.items(), key=lambda item: (not split_place(item[0])[0], item[0])):
            for table, columns in self._places(key):
                place = ((table.schema, table.name), columns)
                if place in silent or (not split_place(key)[0] and place in named):
                    continue
                named.add(place)
                if not targets:
                    silent.add(place)
                for link in self._links(table, columns, targets, key):
                    links[place[0]][link.columns, link.to, link.to_columns, link.when] = link
        for name, table in self.tables.items():
            for link in self._declared(table):
                if (name, link.columns) not in silent:
                    links[name][link.columns, link.to, link.to_columns, ()] = link
        return {name: tuple(sorted(found.values(), key=_order)) for name, found in links.items()}

    def _places(self, key: str) -> Iterator[tuple[Table, tuple[str, ...]]]:
        name, columns = split_place(key)
        if name:
            table = self.find(name, f"scope.keys.{key}")
            found = None if table is None else self.columns(table, columns, f"scope.keys.{key}")
            if table is not None and found is not None:
                yield table, found
            return
        wanted = tuple(column.casefold() for column in columns)
        for table in self.tables.values():
            have = {column.name.casefold(): column.name for column in table.columns}
            if all(column in have for column in wanted):
                yield table, tuple(have[column] for column in wanted)

    def _links(
        self, table: Table, columns: tuple[str, ...], targets: tuple[KeyTarget, ...], key: str
    ) -> Iterator[Link]:
        for target in targets:
            name, wanted = split_place(target.to)
            to = self.find(name, f"scope.keys.{key}")
            found = None if to is None else self.columns(to, wanted, f"scope.keys.{key}")
            if to is None or found is None:
                continue
            if (to.schema, to.name) == (table.schema, table.name) and found == columns:
                continue  # a column of every table, in the table that it is the key of
            when = tuple(self._when(table, column, value, key) for column, value in sorted(target.when.items()))
            if None not in when:
                yield Link(
                    table=(table.schema, table.name),
                    columns=columns,
                    to=(to.schema, to.name),
                    to_columns=found,
                    when=tuple(each for each in when if each is not None),
                )

    def _when(self, table: Table, text: str, value: str, key: str) -> When | None:
        """``COLUMN`` of the row itself, or ``KEY.COLUMN``: of the row that its column KEY refers to."""
        place = f"scope.keys.{key}"
        via_name, column = split_place(text)
        if not via_name:
            own = self.columns(table, column, place)
            return None if own is None else When(column=own[0], value=value)
        via_columns = self.columns(table, (via_name,), place)
        via = (
            None if via_columns is None else next((x for x in self._declared(table) if x.columns == via_columns), None)
        )
        if via is None:
            self.problems.append(f"{place}: when {text}: the database declares no key {table.label}.{via_name}")
            return None
        there = self.columns(self.tables[via.to], column, place)
        return None if there is None else When(column=there[0], value=value, via=via)

    def _declared(self, table: Table) -> Iterator[Link]:
        for key in table.foreign_keys:
            to = (key.target_schema, key.target_table)
            if to in self.tables and key.target_columns:
                yield Link(
                    table=(table.schema, table.name),
                    columns=key.columns,
                    to=to,
                    to_columns=key.target_columns,
                    declared=True,
                )


def _order(link: Link) -> tuple[object, ...]:
    return (link.columns, link.to, link.to_columns, tuple((when.column, when.value) for when in link.when))
