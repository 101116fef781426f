"""The move: staged rows go live, with their lines in the crosswalk, in the caller's transaction. Only DML happens here.

Deletes go by the crosswalk alone, so no row that an import did not make is ever touched. Whatever comes out otherwise
than it was counted raises, and the transaction is undone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.duck import text_literal
from portability.errors import TargetError
from portability.importing.dialect import (
    ACTION,
    HASH,
    IDENTITY,
    KEY,
    delete_by,
    fingerprint,
    key_expressions,
    key_matches,
    update_from,
)
from portability.importing.staging import IDS
from portability.targets.crosswalk import CROSSWALK

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from portability.importing.plan import TableLoad
    from portability.limits import Limits
    from portability.targets import Target

__all__ = ["Moved", "Mover"]

_NEW = "('insert', 'replace')"
_LINE = ("target_table", "canonical_id", "target_key", "row_md5", "live_md5", "origin", "import_id")


@dataclass(kw_only=True)
class Moved:
    """Rows inserted, updated and deleted by table."""

    inserted: dict[str, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)


class Mover:
    """Moves tables: ``loosen``, ``insert`` and ``update`` parents first, ``delete`` children first, then ``settle``.

    Args:
        staged: Rows in each staging table by action, as counted; tables that are not there have none.
        leaving: Rows in the table of identities, by table.
    """

    def __init__(
        self, target: Target, import_id: str, staged: dict[str, dict[str, int]], leaving: dict[str, int]
    ) -> None:
        self._target, self._import_id, self._staged, self._leaving = target, import_id, staged, leaving
        self.moved = Moved()

    def loosen(self, loads: Iterable[TableLoad]) -> None:
        """Empty the columns that lead in a circle, of rows that go or change: nothing then holds what goes."""
        quote = self._target.quote
        for load in loads:
            sets, live = dict.fromkeys(sorted(load.deferred), "NULL"), self._target.relation(load.name)
            if sets and self._leaving.get(load.name):
                condition = key_matches(self._target, load, "t", "s.target_key")
                lines = f"(SELECT x.target_key FROM {self._leaving_lines(load)})"
                self._target.execute(update_from(self._target, live, sets, lines, condition), place=load.name)
            if sets and self._count(load, "update"):
                condition = f"{self._by_key(load)} AND s.{ACTION} = 'update'"
                statement = update_from(self._target, live, sets, quote(load.stage), condition)
                self._target.execute(statement, place=load.name)

    def insert(self, loads: Iterable[TableLoad]) -> None:
        """Insert new rows; columns that lead in a circle follow when all rows are there."""
        tables = [load for load in loads if self._count(load, "insert", "replace")]
        for load in tables:
            wanted = self._count(load, "insert", "replace")
            done = self._target.execute(self._insert(load), place=load.name)
            self._expect(load, "inserted", done, wanted)
            self.moved.inserted[load.name] = wanted
        for load in tables:
            if load.deferred:
                self._fill_deferred(load)

    def _insert(self, load: TableLoad) -> str:
        quote = self._target.quote
        names = ", ".join(quote(name) for name in load.names)
        # Null of the column's own type.
        values = ", ".join(
            f"NULLIF(s.{quote(name)}, s.{quote(name)})" if name in load.deferred else f"s.{quote(name)}"
            for name in load.names
        )
        identity = {column.name for column in load.table.columns if column.identity} & set(load.names)
        override = " OVERRIDING SYSTEM VALUE" if identity and self._target.dbms == "postgresql" else ""
        return (
            f"INSERT INTO {self._target.relation(load.name)} ({names}){override} SELECT {values} "
            f"FROM {quote(load.stage)} AS s WHERE s.{ACTION} IN {_NEW}"
        )

    def _fill_deferred(self, load: TableLoad) -> None:
        quote = self._target.quote
        sets = {name: f"s.{quote(name)}" for name in sorted(load.deferred)}
        filled = " OR ".join(f"s.{quote(name)} IS NOT NULL" for name in sets)
        condition = f"{self._by_key(load)} AND s.{ACTION} IN {_NEW} AND ({filled})"
        self._target.execute(
            update_from(self._target, self._target.relation(load.name), sets, quote(load.stage), condition),
            place=load.name,
        )

    def _by_key(self, load: TableLoad) -> str:
        quote = self._target.quote
        return " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in load.key)

    def update(self, loads: Iterable[TableLoad]) -> None:
        """Change rows whose values differ; their keys stay."""
        quote = self._target.quote
        for load in loads:
            if not (wanted := self._count(load, "update")):
                continue
            sets = {name: f"s.{quote(name)}" for name in load.names if name not in load.key}
            condition = f"{self._by_key(load)} AND s.{ACTION} = 'update'"
            if sets:
                relation = self._target.relation(load.name)
                done = self._target.execute(
                    update_from(self._target, relation, sets, quote(load.stage), condition), place=load.name
                )
                # MariaDB counts only rows that became different.
                if self._target.dbms != "mariadb":
                    self._expect(load, "updated", done, wanted)
            self.moved.updated[load.name] = wanted

    def delete(self, loads: Iterable[TableLoad]) -> None:
        """Delete the rows that the table of identities names, by the keys that the crosswalk has for them."""
        for load in loads:
            if not (wanted := self._leaving.get(load.name, 0)):
                continue
            done = self._target.execute(self._delete(load), place=load.name)
            self._expect(load, "deleted", done, wanted)
            self._forget(load)
            self.moved.deleted[load.name] = wanted - self._count(load, "replace")

    def _delete(self, load: TableLoad) -> str:
        quote, live, lines = self._target.quote, self._target.relation(load.name), self._leaving_lines(load)
        if self._target.dbms == "mariadb":
            matches = key_matches(self._target, load, "t", "s.target_key")
            return delete_by(self._target, live, f"(SELECT x.target_key FROM {lines})", matches)
        keys = ", ".join(key_expressions(self._target, load, "x.target_key"))
        names = ", ".join(quote(name) for name in load.key)
        return f"DELETE FROM {live} WHERE ({names}) IN (SELECT {keys} FROM {lines})"

    def _leaving_lines(self, load: TableLoad) -> str:
        """The crosswalk's lines of rows that go, as ``x``."""
        quote = self._target.quote
        return (
            f"{quote(CROSSWALK)} AS x JOIN {quote(IDS)} AS i ON i.target_table = x.target_table "
            f"AND i.canonical_id = x.canonical_id WHERE x.target_table = {self._target.text(load.name)} "
            "AND x.origin = 'loaded'"
        )

    def _forget(self, load: TableLoad) -> None:
        same = "s.target_table = t.target_table AND s.canonical_id = t.canonical_id"
        condition = f"{same} AND t.target_table = {self._target.text(load.name)}"
        quote = self._target.quote
        self._target.execute(delete_by(self._target, quote(CROSSWALK), quote(IDS), condition), place=CROSSWALK)

    def settle(self, loads: Iterable[TableLoad]) -> None:
        """Write the crosswalk's lines of what was inserted and updated, from the live rows."""
        quote, text = self._target.quote, self._target.text
        for load in loads:
            if not (wanted := self._count(load, "insert", "update", "replace")):
                continue
            if self._count(load, "update"):
                condition = (
                    f"t.target_table = {text(load.name)} AND t.canonical_id = s.{IDENTITY} AND s.{ACTION} = 'update'"
                )
                self._target.execute(delete_by(self._target, quote(CROSSWALK), quote(load.stage), condition))
            live = fingerprint(self._target, "t", load.names, load)
            done = self._target.execute(
                f"INSERT INTO {quote(CROSSWALK)} ({', '.join(_LINE)}) SELECT {text(load.name)}, s.{IDENTITY}, s.{KEY}, "
                f"s.{HASH}, {live}, 'loaded', {text(self._import_id)} FROM {quote(load.stage)} AS s "
                f"JOIN {self._target.relation(load.name)} AS t ON {self._by_key(load)}",
                place=CROSSWALK,
            )
            self._expect(load, "found again", done, wanted)

    def match(self, engine: duckdb.DuckDBPyConnection, load: TableLoad, limits: Limits) -> None:
        """Write the crosswalk's lines of rows that the target had."""
        batches = engine.sql(
            f"SELECT {text_literal(load.name)} AS target_table, a.id, a.key, a.hash, CAST(NULL AS VARCHAR) AS live, "
            f"'matched' AS origin, {text_literal(self._import_id)} AS import_id FROM {load.act} AS a "
            f"JOIN {load.old} AS o ON o.id = a.id WHERE o.origin = 'new match' AND a.action = 'matched'"
        ).to_arrow_reader(limits.batch_rows)
        self._target.load(CROSSWALK, _LINE, batches)

    def raise_sequences(self, loads: Iterable[TableLoad]) -> None:
        """Let PostgreSQL's sequences continue after the keys that were given; the others do so by themselves."""
        if self._target.dbms != "postgresql":
            return
        for load in loads:
            if not self.moved.inserted.get(load.name):
                continue
            relation = self._target.relation(load.name)
            for column in load.columns:
                if column.shape.kind == "int":
                    self._raise_sequence(relation, column.name)

    def _raise_sequence(self, relation: str, column: str) -> None:
        text, name = self._target.text, self._target.quote(column)
        found = self._target.query(f"SELECT pg_get_serial_sequence({text(relation)}, {text(column)}) AS n")
        sequence = found.column(0)[0].as_py()
        if sequence:
            last = f"SELECT greatest((SELECT max({name}) FROM {relation}), (SELECT last_value FROM {sequence}))"
            self._target.query(f"SELECT setval({text(sequence)}, ({last})) AS n")

    def _count(self, load: TableLoad, *actions: str) -> int:
        return sum(self._staged.get(load.name, {}).get(action, 0) for action in actions)

    def _expect(self, load: TableLoad, what: str, done: int, wanted: int) -> None:
        if done != wanted:
            message = f"{done} rows were {what} where {wanted} were to be; everything is undone"
            hint = "A trigger or a rule of the target, or somebody else at work in it?"
            raise TargetError(message, place=load.name, hint=hint)
