"""The rules that are generated from the model for every entity: keys, references, required fields, codes, JSON.

Each is a condition on a row of an entity. All conditions of an entity are counted in one pass over its file, and only
those that some row breaks are asked for examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.checks.sampling import sample
from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from portability.model import Entity, Field, Model

    Conditions = dict[str, str]

__all__ = ["Violation", "generated_violations"]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule broken in one place: how often, and the keys of the first rows."""

    place: str
    count: int
    examples: tuple[str, ...] = ()


def generated_violations(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    entities: Iterable[Entity],
    rule_id: str,
    examples_max: int,
) -> Iterator[Violation]:
    """Evaluate one generated rule over entities; all of the model's are views of the connection.

    Raises:
        KeyError: There is no such generated rule.
        duckdb.Error: An entity cannot be read.
    """
    for entity in entities:
        if rule_id == "pk_unique":
            found = sample(connection, _doubled_keys(entity), examples_max)
            yield Violation(place=entity.name, count=found.count, examples=found.examples)
        elif rule_id == "fk_exists":
            yield from _dangling_references(connection, model, entity, examples_max)
        else:
            yield from _broken(connection, entity, _CONDITIONS[rule_id](entity), examples_max)


def _key(entity: Entity) -> str:
    return quote(entity.primary_key[0])


def _doubled_keys(entity: Entity) -> str:
    columns = ", ".join(quote(name) for name in entity.primary_key)
    nulls = " OR ".join(f"{quote(name)} IS NULL" for name in entity.primary_key)
    return f"SELECT {_key(entity)} FROM {quote(entity.name)} GROUP BY {columns} HAVING count(*) > 1 OR {nulls}"


def _broken(
    connection: duckdb.DuckDBPyConnection, entity: Entity, conditions: Conditions, examples_max: int
) -> Iterator[Violation]:
    for place, count in _counts(connection, entity, conditions).items():
        if count:
            sql = f"SELECT {_key(entity)} FROM {quote(entity.name)} WHERE {conditions[place]}"
            yield Violation(place=place, count=count, examples=sample(connection, sql, examples_max).examples)


def _counts(connection: duckdb.DuckDBPyConnection, entity: Entity, conditions: Conditions) -> dict[str, int]:
    """Count the rows of an entity for which each condition holds, in one pass."""
    if not conditions:
        return {}
    select = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions.values())
    (row,) = connection.execute(f"SELECT {select} FROM {quote(entity.name)}").fetchall()
    return {place: int(count) for place, count in zip(conditions, row, strict=True)}


def _place(entity: Entity, field: Field) -> str:
    return f"{entity.name}.{field.name}"


def _required(entity: Entity) -> Conditions:
    # An empty text counts as absent.
    return {
        _place(entity, each): f"{quote(each.name)} IS NULL OR CAST({quote(each.name)} AS VARCHAR) = ''"
        for each in entity.fields
        if each.required
    }


def _enumerated(entity: Entity) -> Conditions:
    return {
        _place(entity, each): f"{quote(each.name)} NOT IN ({', '.join(map(text_literal, each.code_values))})"
        for each in entity.fields
        if each.codes is not None
    }


def _json(entity: Entity) -> Conditions:
    # The Parquet schema was compared with the model's before any rule is run.
    return {
        _place(entity, each): f"NOT json_valid({quote(each.name)})" for each in entity.fields if each.type == "json"
    }


_CONDITIONS = {"required_present": _required, "enum_valid": _enumerated, "type_valid": _json}


def _dangling_references(
    connection: duckdb.DuckDBPyConnection, model: Model, entity: Entity, examples_max: int
) -> Iterator[Violation]:
    fields = [each for each in entity.fields if each.ref is not None or each.ref_by is not None]
    used = _counts(connection, entity, {each.name: f"{quote(each.name)} IS NOT NULL" for each in fields})
    for each in fields:
        if not used[each.name]:
            continue
        if each.ref is not None:
            sql = _rows(entity, _dangling(each, model.entity(each.ref)))
        else:
            sql = _dangling_by_name(connection, entity, each, model)
        found = sample(connection, sql, examples_max)
        yield Violation(place=_place(entity, each), count=found.count, examples=found.examples)


def _rows(entity: Entity, condition: str) -> str:
    return f"SELECT m.{_key(entity)} FROM {quote(entity.name)} AS m WHERE {condition}"


def _dangling(field: Field, target: Entity) -> str:
    found = f"SELECT 1 FROM {quote(target.name)} AS t WHERE t.{_key(target)} = m.{quote(field.name)}"
    return f"m.{quote(field.name)} IS NOT NULL AND NOT EXISTS ({found})"


def _dangling_by_name(connection: duckdb.DuckDBPyConnection, entity: Entity, field: Field, model: Model) -> str:
    """SQL of the rows whose field names no row of the entity that a sibling field names."""
    value, name = f"m.{quote(field.name)}", f"m.{quote(field.ref_by or '')}"
    known = ", ".join(text_literal(each.name) for each in model.entities)
    unknown = _rows(entity, f"{value} IS NOT NULL AND ({name} IS NULL OR {name} NOT IN ({known}))")
    named = f"SELECT DISTINCT {name} FROM {quote(entity.name)} AS m WHERE {name} IN ({known}) ORDER BY 1"
    targets = [model.entity(row[0]) for row in connection.execute(named).fetchall()]
    parts = [_rows(entity, f"{name} = {text_literal(each.name)} AND {_dangling(field, each)}") for each in targets]
    return " UNION ALL ".join([unknown, *parts])
