"""Which rows of the source layer reach the scope's root, worked out from the rows alone.

A row *belongs* when it is named by the scope, or holds a key to a row that belongs, through as many tables as it takes;
where the scope names a tenant, to him as well as to what else it names. A row is *referred to* when a row that belongs,
or is referred to, holds a key to it and it is the tenant's, if its table leads to one; nothing is reached downwards
from there: the client of a matter does not bring in his other matters. A row whose own key names a tenant, client or
matter that the scope does not name is *foreign*, whoever refers to it. All other rows reach nothing.

The keys of each table are copied once, as text, into the engine's scratch file; the sets are worked out there, so that
memory does not grow with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.checks.scope.links import Condition, Link, Net, matches
from portability.duck import text_literal
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portability.checks.case import Case
    from portability.checks.scope.declared import Root, Rules, Scope

__all__ = ["Counts", "Reach", "TooDeepError"]

STRICT_KINDS = ("tenant", "client", "matter")
"""A key that leads straight to a row of such a kind says whose the row is; a contact is one of several in a row."""


class TooDeepError(Exception):
    """Rows refer to rows in longer chains than the limit."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many rows of a table there are, and on what ground; ``examples`` are row numbers, counted from 0."""

    rows: int
    belonging: int
    referred: int
    foreign: int
    foreign_examples: tuple[str, ...]
    unreached: int
    unreached_examples: tuple[str, ...]


class Reach:
    """Works out the sets; use: ``work_out`` once, then ``counts`` for any table.

    Args:
        case: The archive under check.
        scope: What it may hold.
        rules: The profile's section.
        net: The keys.
        free: Labels of the tables that need no path, because they are shared or hold nothing.
    """

    def __init__(self, case: Case, scope: Scope, rules: Rules, net: Net, free: Iterable[str]) -> None:
        self._case, self._scope, self._rules, self._net = case, scope, rules, net
        self._sql = case.engine
        self._free = set(free)
        self._number = {label: number for number, label in enumerate(net.tables)}
        self._columns: dict[str, list[str]] = {label: [] for label in net.tables}
        self._led: dict[tuple[str, str], bool] = {}
        self.roots = {kind: found for kind in scope.kinds for found in self._roots(kind)}

    def work_out(self) -> None:
        """Fill the sets.

        Raises:
            duckdb.Error: A file cannot be read.
            TooDeepError: The rows refer to each other in too long a chain.
        """
        self._copy_keys()
        for kind in self._scope.kinds:
            self._seed(kind)
            self._spread_down(kind)
        self._mark_foreign()
        self._join_kinds()
        self._spread_up()

    def has_path(self, label: str, kind: str) -> bool:
        """Tell whether keys lead from a table to the root table of a kind."""
        if (label, kind) not in self._led:
            self._led[label, kind] = kind in self.roots and self._leads(label, kind)
        return self._led[label, kind]

    def _leads(self, label: str, kind: str) -> bool:
        target, seen, waiting = self.roots[kind][0], {label}, [label]
        while waiting:
            at = waiting.pop()
            if at == target:
                return True
            for link in self._net.of(at):
                if link.to not in seen and link.to not in self._free and self._is_owner(link, kind):
                    seen.add(link.to)
                    waiting.append(link.to)
        return False

    def missing(self) -> Iterator[str]:
        """Name what the scope names and no row of the archive is."""
        for kind in self._scope.kinds:
            if kind not in self.roots:
                yield f"{kind}: the profile has no root for it"
                continue
            for number, value in enumerate(self._scope.named(kind), 1):
                found = self._sql.execute(f"SELECT 1 WHERE EXISTS ({self._named_sql(kind, [value])})").fetchall()
                if not found:
                    yield f"{kind}, number {number} of those named"

    def counts(self, label: str) -> Counts:
        """Return how a table's rows were reached."""
        number, most = self._number[label], self._case.limits.finding_examples
        rows = self._case.tables[self._net.tables[label].file].rows
        figures = [
            self._count(f"SELECT rn FROM ok{number}"),
            self._count(f"SELECT rn FROM up{number}"),
        ]
        foreign, foreign_examples = self._sample(f"SELECT rn FROM foreign{number}", most)
        unreached = (
            f"SELECT rn FROM t{number} WHERE rn NOT IN (SELECT rn FROM ok{number}) "
            f"AND rn NOT IN (SELECT rn FROM up{number}) AND rn NOT IN (SELECT rn FROM foreign{number})"
        )
        count, examples = self._sample(unreached, most)
        return Counts(
            rows=rows,
            belonging=figures[0],
            referred=figures[1],
            foreign=foreign,
            foreign_examples=foreign_examples,
            unreached=count,
            unreached_examples=examples,
        )

    def is_inside_sql(self, label: str) -> str:
        """SQL of the numbers of a table's rows that belong: those that dates apply to."""
        return f"SELECT rn FROM ok{self._number[label]}"

    def lost_sql(self, links: Iterable[Link]) -> str:
        """SQL of the numbers of a table's rows whose keys lead to no row of the archive."""
        links = list(links)
        found = " UNION ALL ".join(f"SELECT c.rn FROM {self._joined(each)} WHERE {self._held(each)}" for each in links)
        return f"SELECT rn FROM t{self._number[links[0].table]} WHERE rn NOT IN ({found})"

    # --- the keys ----------------------------------------------------------------------------------------------------

    def _roots(self, kind: str) -> Iterator[tuple[str, str, str]]:
        """Yield the root of a kind: its table's label, key column and name column."""
        root: Root | None = self._rules.roots.get(kind)
        for label, table in self._net.tables.items() if root is not None else ():
            own = {c.name.casefold(): c.name for c in table.columns if c.carried != "excluded"}
            if root is not None and matches(table, root.table) and root.key.casefold() in own:
                key = own[root.key.casefold()]
                yield label, key, own.get(root.name.casefold(), key)

    def _copy_keys(self) -> None:
        for link in self._net.links:
            self._want(link.table, link.columns)
            self._want(link.to, link.to_columns)
            for condition in link.when:
                self._want(link.table, [condition.column] if condition.via is None else [condition.via[0]])
                if condition.via is not None:
                    self._want(condition.via[1], [condition.via[2], condition.column])
        for label, key, name in self.roots.values():
            self._want(label, [key, name])
        for label, number in self._number.items():
            self._sql.execute(f"CREATE TABLE t{number} AS {self._keys_sql(label)}")
            for name in ("ok", "up", "foreign"):
                self._sql.execute(f"CREATE TABLE {name}{number} (rn BIGINT)")

    def _want(self, label: str, columns: Iterable[str]) -> None:
        known = self._columns[label]
        known += [column for column in columns if column not in known]

    def _keys_sql(self, label: str) -> str:
        table = self._net.tables[label]
        schema = self._case.tables[table.file].schema
        aliases = [f"c{position}" for position in range(len(schema))]
        taken = "".join(
            f", {self._text(label, name, aliases[schema.names.index(name)], schema.field(name).type)} AS k{position}"
            for position, name in enumerate(self._columns[label])
        )
        scan = scan_sql(self._case.data / table.file, [*aliases, "row_number"], row_number=True)
        return f"SELECT row_number AS rn{taken} FROM {scan}"

    def _text(self, label: str, name: str, column: str, kind: pa.DataType) -> str:
        """SQL of a key as the source prints it."""
        text = f"CAST({column} AS VARCHAR)"
        if pa.types.is_decimal(kind) and kind.scale > 0:
            text = f"rtrim(rtrim({text}, '0'), '.')"
        return self._unpadded(label, name, text)

    def _unpadded(self, label: str, name: str, sql: str) -> str:
        """Take off the blanks with which PostgreSQL fills up char(n): there alone are they not of the value."""
        native = self._net.tables[label].column(name).native_type
        is_padded = self._case.source.dbms == "postgresql" and native.startswith(("character(", "bpchar"))
        return f"rtrim({sql}, ' ')" if is_padded else sql

    def _k(self, label: str, column: str) -> str:
        return f"k{self._columns[label].index(column)}"

    # --- down: what belongs ------------------------------------------------------------------------------------------

    def _seed(self, kind: str) -> None:
        for number in self._number.values():
            self._sql.execute(f"CREATE TABLE {kind}{number} (rn BIGINT)")
        if kind in self.roots:
            number = self._number[self.roots[kind][0]]
            self._sql.execute(f"INSERT INTO {kind}{number} {self._named_sql(kind, self._scope.named(kind))}")

    def _named_sql(self, kind: str, values: Iterable[object]) -> str:
        label, key, name = self.roots[kind]
        tests = ["false"]
        for value in values:
            by, text = (key, value.key) if value.key is not None else (name, value.name)  # type: ignore[attr-defined]
            tests.append(f"{self._k(label, by)} = {self._unpadded(label, by, text_literal(str(text)))}")
        within = f" AND {self._of_tenant(label, 'rn')}" if kind != "tenant" else ""
        return f"SELECT rn FROM t{self._number[label]} WHERE ({' OR '.join(tests)}){within}"

    def _of_tenant(self, label: str, rn: str) -> str:
        """A test of rows: they are the tenant's, where the scope names one and keys lead to him from their table.

        Numbers of matters and clients are one tenant's own, so what a scope names is looked for among his rows alone.
        """
        if "tenant" not in self._scope.kinds or not self.has_path(label, "tenant"):
            return "true"
        return f"{rn} IN (SELECT rn FROM tenant{self._number[label]})"

    def _spread_down(self, kind: str) -> None:
        """Whatever holds a key to a row that belongs, belongs."""
        changed = {self.roots[kind][0]} if kind in self.roots else set()
        for _ in self._rounds(changed):
            now, changed_now = set(changed), set()
            for link in self._net.links:
                waits = link.table not in self._free and self._lacks(link.table, f"{kind}{self._number[link.table]}")
                if link.to in now and waits and self._is_owner(link, kind):
                    own, other = self._number[link.table], self._number[link.to]
                    sql = (
                        f"INSERT INTO {kind}{own} SELECT DISTINCT c.rn FROM {self._joined(link)} "
                        f"JOIN {kind}{other} AS d ON d.rn = p.rn WHERE {self._held(link)} "
                        f"AND c.rn NOT IN (SELECT rn FROM {kind}{own})"
                    )
                    if self._changed(sql):
                        changed_now.add(link.table)
            changed.clear()
            changed |= changed_now

    def _is_owner(self, link: Link, kind: str) -> bool:
        """Where the profile says which keys decide on a table's owner, the others do not.

        No key of a tenant, client or matter makes it another's: a related matter is a matter of its own.
        """
        if kind in STRICT_KINDS and kind in self.roots and link.table == self.roots[kind][0]:
            return False
        for name, kinds in self._rules.owner.items():
            if matches(self._net.tables[link.table], name) and kind in kinds:
                wanted = {column.casefold() for column in kinds[kind]}
                return {column.casefold() for column in link.columns} <= wanted
        return True

    # --- foreign, together, up ---------------------------------------------------------------------------------------

    def _mark_foreign(self) -> None:
        for kind in (each for each in STRICT_KINDS if each in self.roots):
            label, key, _ = self.roots[kind]
            number, own = self._number[label], self._k(label, key)
            named = f"SELECT rn FROM {kind}{number}"
            mine = f"SELECT {own} FROM t{number} WHERE rn IN ({named}) AND {own} IS NOT NULL"
            self._foreign(label, f"rn NOT IN ({named})")
            for link in self._net.links:
                if link.to == label and link.to_columns == (key,) and self._is_owner(link, kind):
                    column = self._k(link.table, link.columns[0])
                    test = f"c.{column} IS NOT NULL AND c.{column} NOT IN ({mine}) AND {self._held(link)}"
                    self._foreign(link.table, test)

    def _foreign(self, label: str, test: str) -> None:
        number = self._number[label]
        if label not in self._free:
            self._sql.execute(
                f"INSERT INTO foreign{number} SELECT rn FROM t{number} AS c WHERE {test} "
                f"AND rn NOT IN (SELECT rn FROM foreign{number})"
            )

    def _join_kinds(self) -> None:
        """A row belongs when it does for the tenant and for every kind that the scope names below him."""
        narrow = [kind for kind in self._scope.kinds if kind != "tenant"] or list(self._scope.kinds)
        for label, number in self._number.items():
            own = [kind for kind in narrow if kind in self.roots and self.roots[kind][0] == label]
            if not own and not all(self.has_path(label, kind) for kind in narrow):
                continue
            wanted = own or narrow
            tests = " AND ".join(f"rn IN (SELECT rn FROM {kind}{number})" for kind in wanted)
            self._sql.execute(
                f"INSERT INTO ok{number} SELECT rn FROM t{number} WHERE {tests} AND {self._of_tenant(label, 'rn')} "
                f"AND rn NOT IN (SELECT rn FROM foreign{number})"
            )

    def _spread_up(self) -> None:
        """What a row in scope refers to comes with it."""
        changed = set(self._number)
        for _ in self._rounds(changed):
            now, changed_now = set(changed), set()
            for link in self._net.links:
                waits = link.to not in self._free and link.table not in self._free
                if (
                    link.table in now
                    and waits
                    and self._rows(link.table)
                    and self._lacks(link.to, *self._sets(link.to))
                ):
                    own, other = self._number[link.table], self._number[link.to]
                    sql = (
                        f"INSERT INTO up{other} SELECT DISTINCT p.rn FROM {self._joined(link)} "
                        f"WHERE {self._held(link)} "
                        f"AND (c.rn IN (SELECT rn FROM ok{own}) OR c.rn IN (SELECT rn FROM up{own})) "
                        f"AND p.rn NOT IN (SELECT rn FROM ok{other}) AND p.rn NOT IN (SELECT rn FROM up{other}) "
                        f"AND p.rn NOT IN (SELECT rn FROM foreign{other}) AND {self._of_tenant(link.to, 'p.rn')}"
                    )
                    if self._changed(sql):
                        changed_now.add(link.to)
            changed.clear()
            changed |= changed_now

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def _rounds(self, changed: set[str]) -> Iterator[int]:
        for number in range(self._case.limits.scope_rounds_max):
            if not changed:
                return
            yield number
        if changed:
            raise TooDeepError

    def _rows(self, label: str) -> int:
        return self._case.tables[self._net.tables[label].file].rows

    def _sets(self, label: str) -> list[str]:
        return [f"{name}{self._number[label]}" for name in ("ok", "up", "foreign")]

    def _lacks(self, label: str, *sets: str) -> bool:
        """Tell whether rows of a table are in none of these sets, which share none."""
        return self._rows(label) > sum(self._count(f"SELECT rn FROM {name}") for name in sets)

    def _joined(self, link: Link) -> str:
        pairs = " AND ".join(
            f"c.{self._k(link.table, mine)} = p.{self._k(link.to, theirs)}"
            for mine, theirs in zip(link.columns, link.to_columns, strict=True)
        )
        return f"t{self._number[link.table]} AS c JOIN t{self._number[link.to]} AS p ON {pairs}"

    def _held(self, link: Link) -> str:
        return " AND ".join(["true", *(self._condition(link.table, each) for each in link.when)])

    def _condition(self, label: str, when: Condition) -> str:
        if when.via is None:
            wanted = self._unpadded(label, when.column, text_literal(when.value))
            return f"c.{self._k(label, when.column)} = {wanted}"
        mine, other, theirs = when.via
        wanted = self._unpadded(other, when.column, text_literal(when.value))
        return (
            f"EXISTS (SELECT 1 FROM t{self._number[other]} AS v WHERE v.{self._k(other, theirs)} = "
            f"c.{self._k(label, mine)} AND v.{self._k(other, when.column)} = {wanted})"
        )

    def _changed(self, insert: str) -> int:
        return int(self._sql.execute(insert).fetchall()[0][0])

    def _count(self, sql: str) -> int:
        return int(self._sql.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0])

    def _sample(self, sql: str, most: int) -> tuple[int, tuple[str, ...]]:
        (row,) = self._sql.execute(f"SELECT count(*), min(rn, {most}) FROM ({sql}) AS f(rn)").fetchall()
        return int(row[0]), tuple(f"row {number}" for number in row[1] or ())
