"""The rules that are generated from the model for every entity: keys, references, required fields, codes, JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.checks.sampling import sample
from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from portability.model import Entity, Field, Model

__all__ = ["Violation", "generated_violations"]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule broken in one place: how often, and the keys of the first rows."""

    place: str
    count: int
    examples: tuple[str, ...] = ()


def generated_violations(
    connection: duckdb.DuckDBPyConnection, model: Model, rule_id: str, examples_max: int
) -> Iterator[Violation]:
    """Evaluate one generated rule over every entity; the entities are views of the connection.

    Raises:
        KeyError: There is no such generated rule.
        duckdb.Error: An entity cannot be read.
    """
    for entity in model.entities:
        for place, sql in _GENERATORS[rule_id](entity, model):
            found = sample(connection, sql, examples_max)
            yield Violation(place=place, count=found.count, examples=found.examples)


def _key(entity: Entity) -> str:
    return quote(entity.primary_key[0])


def _rows(entity: Entity, condition: str) -> str:
    return f"SELECT {_key(entity)} FROM {quote(entity.name)} AS m WHERE {condition}"


def _pk_unique(entity: Entity, _: Model) -> Iterator[tuple[str, str]]:
    columns = ", ".join(quote(name) for name in entity.primary_key)
    nulls = " OR ".join(f"{quote(name)} IS NULL" for name in entity.primary_key)
    name = quote(entity.name)
    yield entity.name, f"SELECT {_key(entity)} FROM {name} GROUP BY {columns} HAVING count(*) > 1 OR {nulls}"


def _fk_exists(entity: Entity, model: Model) -> Iterator[tuple[str, str]]:
    for field in entity.fields:
        if field.ref is not None:
            yield f"{entity.name}.{field.name}", _rows(entity, _dangling(field, model.entity(field.ref)))
        elif field.ref_by is not None:
            yield f"{entity.name}.{field.name}", _dangling_by_name(entity, field, model)


def _dangling(field: Field, target: Entity) -> str:
    found = f"SELECT 1 FROM {quote(target.name)} AS t WHERE t.{_key(target)} = m.{quote(field.name)}"
    return f"m.{quote(field.name)} IS NOT NULL AND NOT EXISTS ({found})"


def _dangling_by_name(entity: Entity, field: Field, model: Model) -> str:
    """SQL of the rows whose field names no row of the entity that a sibling field names."""
    value, name = f"m.{quote(field.name)}", f"m.{quote(field.ref_by or '')}"
    known = ", ".join(text_literal(each.name) for each in model.entities)
    unknown = _rows(entity, f"{value} IS NOT NULL AND ({name} IS NULL OR {name} NOT IN ({known}))")
    parts = [
        _rows(entity, f"{name} = {text_literal(target.name)} AND {_dangling(field, target)}")
        for target in model.entities
    ]
    return " UNION ALL ".join([unknown, *parts])


def _required_present(entity: Entity, _: Model) -> Iterator[tuple[str, str]]:
    for field in entity.fields:
        if field.required:
            name = f"m.{quote(field.name)}"
            # An empty text counts as absent.
            yield f"{entity.name}.{field.name}", _rows(entity, f"{name} IS NULL OR CAST({name} AS VARCHAR) = ''")


def _enum_valid(entity: Entity, _: Model) -> Iterator[tuple[str, str]]:
    for field in entity.fields:
        if field.codes is not None:
            codes = ", ".join(text_literal(code) for code in field.code_values)
            yield f"{entity.name}.{field.name}", _rows(entity, f"m.{quote(field.name)} NOT IN ({codes})")


def _type_valid(entity: Entity, _: Model) -> Iterator[tuple[str, str]]:
    # The Parquet schema was compared with the model's before any rule is run.
    for field in entity.fields:
        if field.type == "json":
            yield f"{entity.name}.{field.name}", _rows(entity, f"NOT json_valid(m.{quote(field.name)})")


_GENERATORS = {
    "pk_unique": _pk_unique,
    "fk_exists": _fk_exists,
    "required_present": _required_present,
    "enum_valid": _enum_valid,
    "type_valid": _type_valid,
}
