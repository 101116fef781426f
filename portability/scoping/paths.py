"""Which key of a table leads to a tenant, client, matter or contact, and which rows that makes.

Tenant, client, matter: a row belongs to the one that its *owner* key leads to: the key with the shortest path, or those
that the profile names, of which the first that is not null counts. Contact: a row is about a person when any key that
leads straight to a contact, or the best other path, leads to that person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.scoping.filters import Condition, Filled, Nothing, TableName, all_of, any_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.manifest import Table
    from portability.profiles.scope_section import ScopeSection
    from portability.scoping.links import Catalogue, Link

__all__ = ["Paths"]

Owner = tuple["Link", ...]
"""The keys of one set of columns that lead to a root: one, or several for a polymorphic parent."""


class Paths:
    """All paths to one kind of root; ``problems`` of the catalogue grow when a table's owner is not clear."""

    def __init__(self, catalogue: Catalogue, section: ScopeSection, kind: str, root: Table) -> None:
        self.kind = kind
        self.root: TableName = (root.schema, root.name)
        self._catalogue = catalogue
        self._named = {
            (table.schema, table.name): owners[self.kind]
            for name, owners in section.owner.items()
            if self.kind in owners and (table := catalogue.find(name, "scope.owner")) is not None
        }
        self._distance = self._measure()
        chosen = {name: self._choose(name) for name in catalogue.tables if name != self.root}
        self._owners: dict[TableName, tuple[Owner, ...]] = {name: tuple(first) for name, (first, _) in chosen.items()}
        self._refuse_circles()
        self._add({name: others for name, (_, others) in chosen.items()})

    def leads(self, table: TableName) -> bool:
        """Whether rows of a table may belong to a root."""
        return table == self.root or bool(self._owners.get(table))

    def owners(self, table: TableName) -> tuple[Owner, ...]:
        """The keys that decide, the first that is not null before the others; empty for the root and without a path."""
        return self._owners.get(table, ())

    def belongs(self, table: TableName, roots: Condition) -> Condition:
        """The rows of a table that belong to ``roots``, a condition on the root table."""
        if table == self.root:
            return roots
        conditions: list[Condition] = []
        before: list[Condition] = []
        for owner in self.owners(table):
            reached = any_of(*(link.reach(self.belongs(link.to, roots)) for link in owner))
            conditions.append(all_of(*before, reached))
            if self.kind != "contact":
                before.append(Filled(columns=owner[0].columns, no=True))
        return any_of(*conditions)

    def free(self, table: TableName) -> Condition:
        """The rows of a table that belong to no root because all their owner keys are null."""
        owners = self.owners(table)
        if not owners or not all(self._may_be_null(owner) for owner in owners):
            return Nothing()
        return all_of(*(Filled(columns=owner[0].columns, no=True) for owner in owners))

    def may_miss(self, table: TableName, proven: frozenset[tuple[TableName, tuple[str, ...]]]) -> bool:
        """Whether some row may reach no root: a key on the way may be null, or is not ``proven`` to lead somewhere."""
        if table == self.root:
            return False
        owners = self.owners(table)
        if len(owners) != 1 or len(owners[0]) != 1:
            return True
        (link,) = owners[0]
        trusted = link.declared and (table, link.columns) in proven
        return not trusted or self._may_be_null(owners[0]) or self.may_miss(link.to, proven)

    def _measure(self) -> dict[TableName, int]:
        distance = {self.root: 0}
        frontier = [self.root]
        while frontier:
            reached = set(frontier)
            frontier = [
                name
                for name, links in self._catalogue.links.items()
                if name not in distance and any(link.to in reached and self._counts(link) for link in links)
            ]
            distance |= dict.fromkeys(frontier, 1 + max(distance.values()))
        return distance

    def _counts(self, link: Link) -> bool:
        """Whether a key may own rows: where the profile names a table's owners, no other key of it does."""
        named = self._named.get(link.table)
        return named is None or ",".join(link.columns).casefold() in {key.casefold() for key in named}

    def _choose(self, name: TableName) -> tuple[list[Owner], list[Owner]]:
        """Return the owners of a table that need no other table's, and those that may be added to them."""
        grouped: dict[tuple[str, ...], list[Link]] = {}
        for link in self._catalogue.links[name]:
            if link.to in self._distance and link.to != name:
                grouped.setdefault(link.columns, []).append(link)
        if name in self._named:
            return self._as_named(name, grouped), []
        ranked = sorted((self._rank(links), columns) for columns, links in grouped.items())
        groups = [tuple(grouped[columns]) for _, columns in ranked]
        if self.kind == "contact":
            straight = [group for group in groups if any(link.to == self.root for link in group)]
            others = [group for group in groups if group not in straight]
            return (straight, others[:1]) if straight else (others[:1], [])
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0] and not self._same(groups[0], groups[1]):
            names = " and ".join(",".join(columns) for rank, columns in ranked if rank == ranked[0][0])
            self._catalogue.problems.append(
                f"{'.'.join(name)}: {names} lead to a {self.kind} equally well: say under scope: owner: which decides"
            )
        needed = next((n for n, group in enumerate(groups) if not self._may_be_null(group)), len(groups))
        return groups[:1], groups[1 : needed + 1]

    def _add(self, added: dict[TableName, list[Owner]]) -> None:
        """Give each table the owners for rows whose first one is null, where that does not lead in a circle."""
        for name, others in sorted(added.items()):
            for owner in others:
                if not any(self._reached(link.to, name) for link in owner):
                    self._owners[name] = (*self._owners[name], owner)

    def _reached(self, start: TableName, end: TableName) -> bool:
        seen, ahead = {start}, [start]
        while ahead:
            name = ahead.pop()
            if name == end:
                return True
            nexts = {link.to for owner in self.owners(name) for link in owner} - seen
            seen |= nexts
            ahead += sorted(nexts)
        return False

    def _same(self, one: Owner, other: Owner) -> bool:
        return {link.to for link in one} == {link.to for link in other} and set(one[0].columns) <= set(other[0].columns)

    def _rank(self, links: Sequence[Link]) -> tuple[int, bool]:
        return min(self._distance[link.to] for link in links) + 1, self._may_be_null(tuple(links))

    def _as_named(self, name: TableName, grouped: dict[tuple[str, ...], list[Link]]) -> list[Owner]:
        have = {",".join(columns).casefold(): tuple(links) for columns, links in grouped.items()}
        missing = [key for key in self._named[name] if key.replace(" ,", ",").casefold() not in have]
        if missing:
            keys = ", ".join(missing)
            self._catalogue.problems.append(f"scope.owner.{name[1]}: {keys} leads to no {self.kind}")
        return [have[key.casefold()] for key in self._named[name] if key.casefold() in have]

    def _may_be_null(self, owner: Owner) -> bool:
        table = self._catalogue.tables[owner[0].table]
        # A key that is meant in some rows only says nothing in the others.
        return any(table.column(name).nullable for name in owner[0].columns)

    def _refuse_circles(self) -> None:
        """Owners that the profile names could lead in a circle; the shortest paths never do."""
        for start in self._owners:
            if any(self._reached(link.to, start) for owner in self.owners(start) for link in owner):
                self._catalogue.problems.append(f"scope.owner: the path from {'.'.join(start)} leads back to itself")
                self._owners[start] = ()
