"""Rows that keys lead to from a contact: what is about the person, in the order in which it is found.

From the contact to all rows that name it; from it as a client to the matters, bills and payments; from a matter to
what hangs on it. Keys are followed downwards only: the firm's users, courts and other clients are not the person's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from portability.model import Entity, Field, Model

__all__ = ["Found", "find_rows", "person_ids"]

# Rows of these are followed on, when they were reached as the person's own.
_FOLLOWED = {
    *("client", "matter", "document", "bill", "payment", "disbursement", "email", "complaint", "ledger_transaction"),
    *("time_entry", "deed_item", "custom_field_value"),
}
_OWNING = {"contact_id", "client_id", "matter_id", "bill_id", "payment_id", "document_id", "email_id", "transaction_id"}
_NOT_SEARCHED = {"source_link", "control_total", "file_object", "custom_field_definition"}
_ROUNDS_MAX = 12  # contact, client, matter, bill, line: the model has no longer chain


@dataclass(frozen=True, kw_only=True)
class Found:
    """A row, and the keys that led to it."""

    entity: str
    id: str
    path: str


def person_ids(engine: duckdb.DuckDBPyConnection, contact: str) -> list[str]:
    """Return the contact, and the contacts that were merged into it."""
    sql = (
        "WITH RECURSIVE same(id) AS (SELECT id FROM contact WHERE id = ? UNION "
        "SELECT c.id FROM contact c JOIN same s ON c.merged_into_id = s.id) SELECT id FROM same ORDER BY id"
    )
    found = [str(row[0]) for row in engine.execute(sql, [contact]).fetchall()]
    return sorted(found, key=lambda each: each != contact)


def find_rows(engine: duckdb.DuckDBPyConnection, model: Model, present: set[str], people: list[str]) -> list[Found]:
    """Find the rows of every entity that is present.

    Raises:
        duckdb.Error: A file cannot be read.
    """
    engine.execute("CREATE TEMP TABLE found (entity VARCHAR, id VARCHAR, path VARCHAR, round INT, followed BOOLEAN)")
    engine.executemany("INSERT INTO found VALUES ('contact', ?, 'contact', 0, true)", [[each] for each in people])
    steps = list(_steps(model, present))
    changed = {"contact"}
    for number in range(_ROUNDS_MAX):
        asked = [step for step in steps if step.by is not None or step.to in changed]
        added = [step for step in asked if _follow(engine, step, number)]
        changed = {step.entity for step in added if step.is_owning}
        if not changed:
            break
    rows = engine.execute("SELECT entity, id, min_by(path, round) FROM found GROUP BY ALL ORDER BY 1, 2").fetchall()
    return [Found(entity=entity, id=found_id, path=path) for entity, found_id, path in rows]


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A field of an entity that refers to rows of another."""

    entity: str
    key: str
    field: str
    to: str | None  # None: the field ``by`` of the row names the entity
    by: str | None
    is_owning: bool


def _steps(model: Model, present: set[str]) -> Iterator[_Step]:
    for entity in model.entities:
        if entity.name not in present or entity.name in _NOT_SEARCHED:
            continue
        for each in entity.fields:
            if each.name == "merged_into_id" or (each.ref is None and each.ref_by is None):
                continue
            if each.ref_by is not None or each.ref == "contact" or each.ref in _FOLLOWED:
                yield _step(entity, each)


def _step(entity: Entity, each: Field) -> _Step:
    is_owning = entity.name in _FOLLOWED and (each.ref_by is not None or each.name in _OWNING)
    return _Step(
        entity=entity.name,
        key=entity.primary_key[0],
        field=each.name,
        to=each.ref,
        by=each.ref_by,
        is_owning=is_owning,
    )


def _follow(engine: duckdb.DuckDBPyConnection, step: _Step, number: int) -> int:
    key, named = quote(step.key), quote(step.field)
    entity = f"f.entity = e.{quote(step.by)}" if step.by is not None else f"f.entity = {text_literal(step.to or '')}"
    sql = (
        f"INSERT INTO found SELECT {text_literal(step.entity)}, e.{key}, "
        f"any_value(f.path || ' > {step.entity}.{step.field}'), {number + 1}, {str(step.is_owning).lower()} "
        f"FROM {quote(step.entity)} AS e JOIN found AS f ON {entity} AND f.id = e.{named} AND f.followed "
        f"AND f.round <= {number} WHERE NOT EXISTS (SELECT 1 FROM found AS g WHERE g.entity = "
        f"{text_literal(step.entity)} AND g.id = e.{key} AND (g.followed OR NOT {str(step.is_owning).lower()})) "
        f"GROUP BY e.{key}"
    )
    return int(engine.execute(sql).fetchall()[0][0])
