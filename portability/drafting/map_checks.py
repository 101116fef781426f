"""Checks of one map: is it one SELECT, are its tables and columns there, does it give its fields in exact types."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from portability.drafting.findings import Problem, brief, error
from portability.errors import MappingError
from portability.mapping.casts import cast_field, extras_sql, struct_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from portability.model import Entity, Model

__all__ = ["check_document_names", "check_fields", "check_names", "check_text", "check_types"]

_DICTIONARY = "docs/data_dictionary.md lists entities and fields."
# Entities and fields that the engine fills.
ENGINE_ENTITIES = ("file_object", "control_total")
_ENGINE_FIELDS = ("source_system", "is_deleted")
_EXTRA_OUTPUTS = ("unreadable",)


def check_text(connection: duckdb.DuckDBPyConnection, name: str, sql: str, model: Model) -> list[Problem]:
    """Check what needs no source: the entity's name, the syntax, and the fields as far as they are named."""
    place = f"map/{name}.sql"
    if name in ENGINE_ENTITIES:
        return [error(place, "the engine makes this entity itself", "Delete the file.")]
    known = {entity.name for entity in model.entities}
    if name not in known:
        return [error(place, "the model has no such entity", _similar(name, known) or _DICTIONARY)]
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as failure:
        return [error(place, brief(failure), "The SQL is DuckDB's.")]
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        return [error(place, "is not one SELECT")]
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except (SqlglotError, RecursionError) as failure:
        return [error(place, f"cannot be traced: {str(failure).splitlines()[0]}", "Write it more plainly.")]
    names = tree.named_selects if isinstance(tree, exp.Query) else []
    return [] if not names or "*" in names else check_fields(model.entity(name), names)


def check_fields(entity: Entity, names: Iterable[str]) -> list[Problem]:
    """Check that a map gives fields of its entity only, and every field that a row must have."""
    place, given = f"map/{entity.name}.sql", set(names)
    known = set(entity.field_names)
    problems = [
        error(place, f"{entity.name} has no field {name!r}", _similar(name, known) or _DICTIONARY)
        for name in sorted(given - known - set(_EXTRA_OUTPUTS))
    ]
    for field in entity.fields:
        if field.required and field.name not in given and field.name not in _ENGINE_FIELDS:
            mend = f"{field.doc} ({field.type})"
            problems.append(error(place, f"the required field {field.name} is missing", mend))
    return problems


def _similar(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f"Is {found[0]} meant?" if found else ""


def check_document_names(name: str, sql: str, known: Iterable[str]) -> list[Problem]:
    """List the document sources that a map asks ``documents`` for and that profile.yaml does not have."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    aliases = {table.alias_or_name.lower() for table in tree.find_all(exp.Table) if table.name.lower() == "documents"}
    asked = {
        comparison.expression.name
        for comparison in tree.find_all(exp.EQ)
        if isinstance(comparison.this, exp.Column)
        and comparison.this.name.lower() == "source"
        and comparison.this.table.lower() in aliases
        and isinstance(comparison.expression, exp.Literal)
    }
    names = set(known)
    return [
        error(
            f"map/{name}.sql", f"there is no document source {source!r}", _similar(source, names) or "See documents:."
        )
        for source in sorted(asked - names)
    ]


def check_names(name: str, sql: str, views: Mapping[tuple[str, str], Iterable[str]]) -> list[Problem]:
    """List every source table and column that the SQL names and the source does not have.

    Args:
        name: The entity.
        sql: Its map.
        views: Columns by (schema, view), as the engine sees them; all names in small letters.
    """
    try:
        scopes = traverse_scope(sqlglot.parse_one(sql, dialect="duckdb"))
    except (SqlglotError, RecursionError):
        return []
    schemas = {schema for schema, _ in views}
    found: dict[str, str] = {}
    for scope in scopes:
        for alias, origin in scope.sources.items():
            if not isinstance(origin, exp.Table) or origin.db.lower() not in schemas:
                continue
            view = (origin.db.lower(), origin.name.lower())
            if view not in views:
                names = [table for schema, table in views if schema == view[0]]
                found[f"there is no table {origin.db}.{origin.name}"] = _similar(view[1], names)
                continue
            for column in _missing(scope.columns, alias, set(views[view])):
                text = f"{origin.db}.{origin.name} has no column {column}"
                mend = "Excluded columns and credentials cannot be named; see not_credentials in docs/profiles.md."
                found[text] = _similar(column.lower(), views[view]) or mend
    return [error(f"map/{name}.sql", text, mend) for text, mend in found.items()]


def _missing(columns: Iterable[exp.Column], alias: str, known: set[str]) -> Iterator[str]:
    for column in columns:
        parts = column.parts
        # `t.file.sha256` is a member of the column `t.file`.
        if len(parts) < 2 or parts[0].name.lower() != alias.lower() or isinstance(parts[1], exp.Star):  # noqa: PLR2004
            continue
        if parts[1].name.lower() not in known:
            yield parts[1].name


def check_types(connection: duckdb.DuckDBPyConnection, entity: Entity, sql: str) -> list[Problem]:
    """Run the SQL over empty views and check the type of every field that it gives."""
    place = f"map/{entity.name}.sql"
    try:
        described = connection.execute(f"DESCRIBE ({sql}\n)").fetchall()
    except duckdb.Error as failure:
        return [error(place, brief(failure))]
    types = {str(row[0]): str(row[1]) for row in described}
    problems = check_fields(entity, types)
    for field in entity.fields:
        if field.name not in types or field.name == "extras":
            continue
        if types[field.name] == '"NULL"' and field.required:
            problems.append(error(place, f"the required field {field.name} is always null", field.doc))
        try:
            cast_field(field, types[field.name], place)
        except MappingError as failure:
            problems.append(error(place, failure.message, failure.hint))
    return [*problems, *_struct_problems(types, place, entity.field_names)]


def _struct_problems(types: Mapping[str, str], place: str, known: Sequence[str]) -> list[Problem]:
    problems = []
    for name in ("extras", "unreadable"):
        try:
            extras_sql({name: types.get(name, '"NULL"')})
        except MappingError as failure:
            problems.append(error(place, f"{name} {failure.message}"))
    if not problems and types.get("unreadable", '"NULL"') != '"NULL"':
        strange = sorted(set(struct_members(types["unreadable"])) - set(known))
        problems += [
            error(place, f"unreadable names {name!r}, which is no field", _similar(name, known)) for name in strange
        ]
    return problems
