"""A small canonical layer in DuckDB: rows given by a few fields, the rest filled with what the model allows."""

from __future__ import annotations

from typing import Any

import duckdb

from portability.model import Field, create_table_sql, load_model

__all__ = ["create_entities", "insert"]

_FILLERS: dict[str, Any] = {"int": 0, "bool": False, "date": "2024-01-01", "timestamp": "2024-01-01T00:00:00Z"}


def create_entities(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Create empty tables of entities."""
    for name in names:
        connection.execute(create_table_sql(load_model().entity(name)))


def insert(connection: duckdb.DuckDBPyConnection, entity: str, **values: Any) -> None:  # noqa: ANN401 -- of any field
    """Insert a row; required fields that are not given get a value of their type."""
    fields = [each for each in load_model().entity(entity).fields if each.required or each.name in values]
    row = [values.get(each.name, _filler(each)) for each in fields]
    columns = ", ".join(f'"{each.name}"' for each in fields)
    marks = ", ".join("?" for _ in fields)
    connection.execute(f'INSERT INTO "{entity}" ({columns}) VALUES ({marks})', row)


def _filler(field: Field) -> Any:  # noqa: ANN401 -- of the field's type
    if field.code_values:
        return field.code_values[0]
    if field.name.endswith("currency"):
        return "GBP"
    return _FILLERS.get(field.type, "0" if field.type.startswith("decimal") else "x")
