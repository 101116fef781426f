"""The table that says of a target that a restore in it is not finished, and what that restore has made so far.

It is the first thing made and the last thing dropped, so whatever stops a restore, the target does not look whole. A
restart drops what is listed here and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portability.errors import TargetError
from portability.manifest import SourceSchema
from portability.targets import Target

__all__ = ["LARGE_OBJECTS", "MARKER", "Made", "begin", "clear", "finish", "is_unfinished", "refuse_full"]

MARKER = "portability_restore"
LARGE_OBJECTS = "large objects"
_COLUMNS = "kind VARCHAR(20) NOT NULL, schema_name VARCHAR(255) NOT NULL, object_name VARCHAR(255) NOT NULL"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A ``table``, ``schema``, ``type`` or ``sequence`` that a restore makes; ``name`` unquoted (a type: as SQL).

    Or PostgreSQL's ``large objects``, all of them.
    """

    kind: str
    name: str
    schema: str = ""


def is_unfinished(found: SourceSchema) -> bool:
    """Tell whether a restore was begun in this target and not finished."""
    return any(table.name == MARKER and table.schema == found.default_schema for table in found.tables)


def refuse_full(found: SourceSchema, label: str) -> None:
    """Refuse a target that holds anything.

    Raises:
        TargetError: It does; the message says how much and an example.
    """
    if is_unfinished(found):
        hint = "Add --restart to drop what it made and begin again."
        raise TargetError("an unfinished restore is in the target", place=label, hint=hint)
    things = [table.label for table in found.tables] + [f"{view.schema}.{view.name}" for view in found.views]
    if things:
        hint = "Give a new, empty database; a restore never adds to one that is in use."
        raise TargetError(
            f"the target is not empty: {len(things)} tables and views, such as {things[0]}", place=label, hint=hint
        )


def begin(target: Target, made: Sequence[Made]) -> None:
    """Make the marker, with everything that is going to be made."""
    table = target.quote(MARKER)
    target.execute(f"CREATE TABLE {table} ({_COLUMNS})", place=MARKER)
    for each in made:
        values = ", ".join(target.text(text) for text in (each.kind, each.schema, each.name))
        target.execute(f"INSERT INTO {table} VALUES ({values})", place=MARKER)


def finish(target: Target) -> None:
    """Drop the marker: the restore is whole."""
    target.execute(f"DROP TABLE {target.quote(MARKER)}", place=MARKER)


def clear(target: Target) -> None:
    """Drop what an unfinished restore made, the marker last."""
    rows = target.query(f"SELECT kind, schema_name, object_name FROM {target.quote(MARKER)}").to_pylist()
    if target.dbms == "mariadb":
        target.execute("SET SESSION foreign_key_checks = 0")
    cascade = " CASCADE" if target.dbms in ("postgresql", "duckdb") else ""
    for kind in ("table", "sequence", "type", "schema"):
        for row in reversed([row for row in rows if row["kind"] == kind]):
            name = row["object_name"]
            relation = name if kind == "type" else target.relation(name, row["schema_name"])
            word = "DOMAIN" if kind == "type" and row["schema_name"] == "domain" else kind.upper()
            target.execute(f"DROP {word} IF EXISTS {relation}{cascade}", place=name)
    if any(row["kind"] == LARGE_OBJECTS for row in rows):
        target.query("SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata", place="large objects")
    finish(target)
