"""What only the target can tell of staged rows: keys that exist, references into its own tables, its checks.

Asked of the target in its own SQL, so that its collations and types judge. Rows that fail become rejects; of several
staged rows with one key the first in the order of their ids stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.errors import TargetError
from portability.importing.dialect import ACTION, IDENTITY, key_matches
from portability.importing.judging import Complaint
from portability.importing.staging import IDS
from portability.targets.crosswalk import CROSSWALK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.importing.plan import LoadPlan, TableLoad
    from portability.manifest import ForeignKey
    from portability.targets import Target

__all__ = ["TargetChecks"]

PAGE_ROWS = 20_000  # ids asked of the target at once


class TargetChecks:
    """The checks of staged tables.

    Args:
        leaving: Live rows stand in the table of identities that this import removes.
        changing: Tables of which live rows are changed.
    """

    def __init__(self, target: Target, plan: LoadPlan, *, leaving: bool, changing: frozenset[str]) -> None:
        self._target, self._plan = target, plan
        self._leaving, self._changing = leaving, changing
        self._staged: frozenset[str] = frozenset()
        self._has_crosswalk = CROSSWALK in target.table_names()
        self.notes: list[str] = []

    def complaints(self, load: TableLoad, staged: frozenset[str]) -> Iterator[Complaint]:
        """Yield what the target would refuse of a staged table; ``staged`` are the tables that have one."""
        self._staged = staged
        for columns in self._unique_keys(load):
            named = ", ".join(columns)
            generated = load.made_key() and columns == load.key
            if not generated:
                reason = "another row of this import has the same key"
                twice = self._twice(load, columns)
                yield from self._pages("key", named, reason, twice, others=twice)
            reason, owners = "the target has a row with the same key", self._owners(load, columns)
            yield from self._pages("key", named, reason, self._taken(load, columns), others=owners)
        for key in load.open_foreign_keys():
            reason = f"there is no such row in {key.target_table}"
            yield from self._pages("reference", ", ".join(key.columns), reason, self._dangling(load, key))
        for check in load.table.checks:
            yield from self._checked(load, check.expression, check.name)

    def _unique_keys(self, load: TableLoad) -> list[tuple[str, ...]]:
        keys = [load.key, *(key.columns for key in load.table.unique_keys)]
        # An index over an expression or over some rows only is not told by its columns.
        keys += [i.columns for i in load.table.indexes if i.unique and not _is_partial(i.definition)]
        filled = set(load.names)
        return [key for key in dict.fromkeys(keys) if key and set(key) <= filled]

    def _stage(self, load: TableLoad) -> str:
        return self._target.quote(load.stage)

    def _same(self, left: str, right: str, columns: tuple[str, ...]) -> str:
        quote = self._target.quote
        return " AND ".join(f"{left}.{quote(c)} = {right}.{quote(c)}" for c in columns)

    def _twice(self, load: TableLoad, columns: tuple[str, ...]) -> str:
        """Staged rows with the key of a staged row before them, as the live columns' collation compares."""
        quote, stage = self._target.quote, self._stage(load)
        # SQLite's staging tables do not have the collations of what they were made like.
        collations = {c.name: c.collation for c in load.table.columns} if self._target.dbms == "sqlite" else {}
        grouped = [f"{quote(c)} COLLATE {collations[c]}" if collations.get(c) else quote(c) for c in columns]
        filled = " AND ".join(f"{quote(c)} IS NOT NULL" for c in columns)
        first = (
            f"SELECT {', '.join(f'{g} AS k{n}' for n, g in enumerate(grouped))}, min({IDENTITY}) AS first "
            f"FROM {stage} WHERE {filled} GROUP BY {', '.join(grouped)} HAVING count(*) > 1"
        )
        same = " AND ".join(f"s.{g} = d.k{n}" for n, g in enumerate(grouped))
        picked = f"s.{IDENTITY} AS id, d.first AS other"
        return f"SELECT {picked} FROM {stage} AS s JOIN ({first}) AS d ON {same} AND s.{IDENTITY} <> d.first"

    def _taken(self, load: TableLoad, columns: tuple[str, ...]) -> str:
        """Staged rows whose key a live row has that is neither changed nor removed by this import."""
        live, stage = self._target.relation(load.name), self._stage(load)
        same = self._same("t", "s", columns)
        sql = f"SELECT s.{IDENTITY} AS id FROM {stage} AS s JOIN {live} AS t ON {same} WHERE 1 = 1"
        if load.name in self._changing:
            own = self._same("t", "u", load.key)
            sql += f" AND NOT EXISTS (SELECT 1 FROM {stage} AS u WHERE u.{ACTION} <> 'insert' AND {own})"
        if self._leaving:
            key = key_matches(self._target, load, "t", "x.target_key")
            sql += (
                f" AND NOT EXISTS (SELECT 1 FROM {self._target.quote(CROSSWALK)} AS x "
                f"JOIN {self._target.quote(IDS)} AS i "
                "ON i.target_table = x.target_table AND i.canonical_id = x.canonical_id "
                f"WHERE x.target_table = {self._target.text(load.name)} AND {key})"
            )
        return sql

    def _owners(self, load: TableLoad, columns: tuple[str, ...]) -> str:
        """SQL of staged rows with the canonical id of the live row that has their key, where an import made it.

        One pass over the crosswalk, by the live table's own key; asked only when there are such rows.
        """
        if not self._has_crosswalk:
            return ""
        return (
            f"SELECT s.{IDENTITY} AS id, o.canonical_id AS other FROM {self._target.quote(CROSSWALK)} AS o "
            f"JOIN {self._target.relation(load.name)} AS t ON {key_matches(self._target, load, 't', 'o.target_key')} "
            f"JOIN {self._stage(load)} AS s ON {self._same('t', 's', columns)} "
            f"WHERE o.target_table = {self._target.text(load.name)} AND o.origin = 'loaded'"
        )

    def _dangling(self, load: TableLoad, key: ForeignKey) -> str:
        quote = self._target.quote
        filled = " AND ".join(f"s.{quote(c)} IS NOT NULL" for c in key.columns)
        same = " AND ".join(
            f"p.{quote(theirs)} = s.{quote(ours)}" for ours, theirs in zip(key.columns, key.target_columns, strict=True)
        )
        lost = f"NOT EXISTS (SELECT 1 FROM {self._target.relation(key.target_table)} AS p WHERE {same})"
        if key.target_table in self._staged:
            lost += (
                f" AND NOT EXISTS (SELECT 1 FROM {self._stage(self._plan.table(key.target_table))} AS p WHERE {same})"
            )
        return f"SELECT s.{IDENTITY} AS id FROM {self._stage(load)} AS s WHERE {filled} AND {lost}"

    def _checked(self, load: TableLoad, expression: str, name: str | None) -> Iterator[Complaint]:
        sql = f"SELECT s.{IDENTITY} AS id FROM {self._stage(load)} AS s WHERE NOT ({expression})"
        try:
            yield from self._pages("check", name or "", f"breaks the target's check {expression}", sql)
        except TargetError:
            # It names a column that the import does not fill, so nothing is known before the move.
            self.notes.append(f"{load.name}: the check {name or expression} can only be judged when the rows are moved")

    def _pages(self, kind: str, column: str, reason: str, sql: str, *, others: str = "") -> Iterator[Complaint]:
        last: str | None = None
        while True:
            after = "" if last is None else f" WHERE q.id > {self._target.text(last)}"
            page = self._target.query(f"SELECT DISTINCT q.id FROM ({sql}) AS q{after} ORDER BY q.id LIMIT {PAGE_ROWS}")
            ids = [str(each) for each in page.column(0).to_pylist()]
            if ids:
                known = self._named(others, ids[0], ids[-1]) if others else {}
                named = [known.get(each) for each in ids]
                yield Complaint(kind=kind, column=column, reason=reason, ids=ids, others=named)
            if len(ids) < PAGE_ROWS:
                return
            last = ids[-1]

    def _named(self, sql: str, first: str, last: str) -> dict[str, str]:
        """Return the row that each goes against, of the rows from ``first`` to ``last``."""
        text = self._target.text
        found = self._target.query(
            f"SELECT q.id AS id, min(q.other) AS other FROM ({sql}) AS q "
            f"WHERE q.id >= {text(first)} AND q.id <= {text(last)} GROUP BY q.id"
        )
        return {str(row["id"]): str(row["other"]) for row in found.to_pylist()}


def _is_partial(definition: str | None) -> bool:
    text = (definition or "").upper()
    return " WHERE " in text or "(" in text.partition("(")[2]
