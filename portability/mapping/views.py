"""The source layer as views: ``source.<table>`` for the default schema, ``"<schema>".<table>`` for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.duck import quote, text_literal
from portability.model import create_table_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import duckdb

    from portability.manifest import SourceSchema
    from portability.model import Model

__all__ = ["create_canonical_views", "create_views", "source_view"]


def source_view(source: SourceSchema) -> dict[tuple[str, str], tuple[str, str]]:
    """Map each exported table's (schema, name) to its view's (schema, name).

    The engine folds case in names: a table whose name differs from an earlier one only in case gets a number.
    """
    views: dict[tuple[str, str], tuple[str, str]] = {}
    taken: set[tuple[str, str]] = set()
    for table in source.tables:
        if table.excluded is not None:
            continue
        schema = "source" if table.schema == source.default_schema else table.schema
        name, number = table.name, 1
        while (schema.casefold(), name.casefold()) in taken:
            number += 1
            name = f"{table.name}_{number}"
        taken.add((schema.casefold(), name.casefold()))
        views[table.schema, table.name] = (schema, name)
    return views


def create_views(
    connection: duckdb.DuckDBPyConnection,
    source: SourceSchema,
    data: Path,
    *,
    absent: Mapping[tuple[str, str], Path] | None = None,
) -> None:
    """Create a view for each table of the source layer, and ``documents`` when the archive has a list of them.

    ``absent`` are files without rows, by schema and table, whose columns a scope left out: maps name them and see null.
    """
    views = source_view(source)
    for schema in _schemas(views.values()):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
    for table in source.tables:
        if table.excluded is None:
            schema, name = views[table.schema, table.name]
            path = text_literal(str((data / table.file).resolve()))
            scan = f"SELECT * FROM read_parquet({path})"
            if (empty := (absent or {}).get((table.schema, table.name))) is not None:
                scan += f" LEFT JOIN read_parquet({text_literal(str(empty.resolve()))}) ON false"
            connection.execute(f"CREATE VIEW {quote(schema)}.{quote(name)} AS {scan}")
    documents = data / "reports/documents.parquet"
    if documents.is_file():
        connection.execute(
            f"CREATE VIEW documents AS SELECT * FROM read_parquet({text_literal(str(documents.resolve()))})"
        )


def create_canonical_views(
    connection: duckdb.DuckDBPyConnection, model: Model, data: Path, *, with_empty: bool = True
) -> set[str]:
    """Create a view for each entity that has a file, return their names; an empty table for every other, if wanted."""
    present = set()
    for entity in model.entities:
        path = data / f"tables/{entity.name}.parquet"
        if path.is_file():
            present.add(entity.name)
            scan = f"SELECT * FROM read_parquet({text_literal(str(path.resolve()))})"
            connection.execute(f"CREATE VIEW {quote(entity.name)} AS {scan}")
        elif with_empty:
            connection.execute(create_table_sql(entity))
    return present


def _schemas(views: Iterable[tuple[str, str]]) -> list[str]:
    return sorted({"source", *(schema for schema, _ in views)})
