"""Hold every mapped row against the model.

What is required, coded or referred to must be so, or the row is rejected with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.duck import quote, text_literal
from portability.manifest import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from portability.model import Entity, Field, Model

__all__ = ["Judge", "key_column", "rejected_ids"]


def key_column(entity: Entity) -> str:
    """The entity's key, quoted."""
    return quote(entity.primary_key[0])


def rejected_ids(name: str) -> str:
    """SQL of an entity's rejected ids.

    NOT IN over a null is never true: rows without an id are left out here and must be asked for by IS NULL.
    """
    return f"SELECT id FROM mapped.rejected WHERE entity = {text_literal(name)} AND id IS NOT NULL"


class Judge:
    """Fills ``mapped.rejected`` and ``mapped.unresolved`` for the entities given, in reference order.

    ``beyond`` are entities that a scope left out: what refers to them is not judged.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        model: Model,
        present: Sequence[Entity],
        beyond: frozenset[str] = frozenset(),
    ) -> None:
        self._connection = connection
        self._model = model
        # A row that belongs to "whatever entity this field names" comes after all of those.
        self._present = sorted(present, key=lambda entity: any(f.ref_by and f.required for f in entity.fields))
        self._beyond = beyond - {entity.name for entity in present}
        self._names = sorted(entity.name for entity in present)
        self._with_rejects: set[str] = set()
        connection.execute("CREATE TABLE mapped.rejected (entity VARCHAR, id VARCHAR, reason VARCHAR)")
        connection.execute(
            "CREATE TABLE mapped.unresolved (entity VARCHAR, id VARCHAR, field VARCHAR, reference VARCHAR)"
        )

    def judge(self) -> None:
        """Reject rows, parents before children; then name optional references that do not resolve to a kept row."""
        for entity in self._present:
            self._reject_rows(entity)
            if self.rejected_rows(entity):
                self._with_rejects.add(entity.name)
        for entity in self._present:
            for f in entity.fields:
                if (f.ref or f.ref_by) and not f.required:
                    self._name_unresolved(entity, f)

    def _name_unresolved(self, entity: Entity, f: Field) -> None:
        columns = f"{text_literal(entity.name)}, {key_column(entity)}, {text_literal(f.name)}, {quote(f.name)}"
        self._connection.execute(
            f"INSERT INTO mapped.unresolved SELECT {columns} "
            f"FROM mapped.{quote(entity.name)} AS m WHERE {self._dangling(entity, f)}"
        )

    def rejected_rows(self, entity: Entity) -> int:
        """Count an entity's rejected rows."""
        (named,) = self._connection.execute(
            "SELECT count(DISTINCT id) FROM mapped.rejected WHERE entity = ?", [entity.name]
        ).fetchall()[0]
        (nameless,) = self._connection.execute(
            f"SELECT count(*) FROM mapped.{quote(entity.name)} WHERE {key_column(entity)} IS NULL"
        ).fetchall()[0]
        return int(named) + int(nameless)

    def _reject_rows(self, entity: Entity) -> None:
        for f in entity.fields:
            if f.required:
                self._reject(entity, f"required:{f.name}", f"{quote(f.name)} IS NULL")
            if f.codes:
                codes = ", ".join(text_literal(code) for code in self._model.code_list(f.codes))
                self._reject(entity, f"code:{f.name}", f"{quote(f.name)} NOT IN ({codes})")
            if (f.ref or f.ref_by) and f.required:
                self._reject(entity, f"reference:{f.name}", self._dangling(entity, f))

    def _reject(self, entity: Entity, reason: str, where: str) -> None:
        columns = f"{text_literal(entity.name)}, {key_column(entity)}, {text_literal(reason)}"
        self._connection.execute(
            f"INSERT INTO mapped.rejected SELECT {columns} FROM mapped.{quote(entity.name)} AS m WHERE {where}"
        )

    def _dangling(self, entity: Entity, f: Field) -> str:
        """SQL: the reference is set, and no kept row of the entity it names has that key."""
        if f.ref:
            return self._dangling_to(f, f.ref)
        by = quote(f.ref_by or "")
        # Only the entities that the data names: a join for each of fifty would not fit in memory.
        named = self._connection.execute(f"SELECT DISTINCT {by} FROM mapped.{quote(entity.name)}").fetchall()
        known = sorted({str(name) for (name,) in named}.intersection(self._names))
        keys = " UNION ALL ".join(
            f"SELECT {text_literal(name)} AS entity, {key_column(self._model.entity(name))} AS id "
            f"FROM mapped.{quote(name)}"
            for name in known
        )
        column = f"m.{quote(f.name)}"
        kept = f"EXISTS (SELECT 1 FROM ({keys}) AS k WHERE k.entity = m.{by} AND k.id = {column})" if keys else "false"
        gone = f"EXISTS (SELECT 1 FROM mapped.rejected AS r WHERE r.entity = m.{by} AND r.id = {column})"
        beyond = ", ".join(map(text_literal, sorted(self._beyond)))
        judged = f" AND m.{by} NOT IN ({beyond})" if beyond else ""
        return f"{column} IS NOT NULL{judged} AND (NOT {kept} OR {gone})"

    def _dangling_to(self, f: Field, entity: str) -> str:
        column = f"m.{quote(f.name)}"
        if entity in self._beyond:
            return "false"
        if entity not in self._names:
            return f"{column} IS NOT NULL"
        key = key_column(self._model.entity(entity))
        absent = f"NOT EXISTS (SELECT 1 FROM mapped.{quote(entity)} AS t WHERE t.{key} = {column})"
        rejected = f" OR {column} IN ({rejected_ids(entity)})" if entity in self._with_rejects else ""
        return f"({column} IS NOT NULL AND ({absent}{rejected}))"

    def findings(self, entity: Entity) -> Iterator[Finding]:
        """Group what was found wrong with an entity's rows."""
        name = text_literal(entity.name)
        yield from _grouped(
            self._connection, "M101", "value could not be read as its type; its text is in extras", _unreadable(entity)
        )
        unresolved = (
            "SELECT entity || '.' || field AS place, id || ' -> ' || reference AS example "
            f"FROM mapped.unresolved WHERE entity = {name}"
        )
        yield from _grouped(
            self._connection, "M102", "reference names no row; it is empty here and its value is in extras", unresolved
        )
        rejected = f"SELECT entity || ' ' || reason AS place, id AS example FROM mapped.rejected WHERE entity = {name}"
        yield from _grouped(self._connection, "M103", "row does not satisfy the model and is in quarantine", rejected)


def _unreadable(entity: Entity) -> str:
    if not any(f.name == "extras" for f in entity.fields):
        return ""
    return (
        f"SELECT {text_literal(entity.name + '.')} || u.key AS place, m.id || ': ' || (u.value ->> '$') AS example "
        f"FROM (SELECT id, extras FROM mapped.{quote(entity.name)} WHERE contains(extras, '\"$unreadable\"')) AS m, "
        "json_each(CAST(m.extras AS JSON), '$.\"$unreadable\"') AS u"
    )


def _grouped(connection: duckdb.DuckDBPyConnection, code: str, text: str, sql: str) -> Iterator[Finding]:
    if not sql:
        return
    grouped = (
        f"SELECT place, count(*), (list(example ORDER BY example))[1:10] FROM ({sql}) GROUP BY place ORDER BY place"
    )
    for place, count, examples in connection.execute(grouped).fetchall():
        yield Finding(
            code=code, severity="finding", place=place, text=text, count=count, examples=tuple(str(e) for e in examples)
        )
