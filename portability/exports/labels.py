"""The labels of enumerated columns in a scoped archive: those that its rows use; another firm may stand in the rest."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from portability.manifest import Column, SourceSchema, Table

__all__ = ["keep_used_labels"]

# MariaDB and MySQL write the labels into the type.
_WRITTEN_OUT = re.compile(r"(enum|set)\s*\(.*\)", re.IGNORECASE | re.DOTALL)


def keep_used_labels(source: SourceSchema, engine: duckdb.DuckDBPyConnection, data: Path) -> SourceSchema:
    """Return the schema with the labels, and the types that spell them out, of the rows that were read."""
    used: dict[tuple[str, str], tuple[str, ...]] = {}
    of_type: dict[str, set[tuple[str, ...]]] = {}
    for table in source.tables:
        for column in table.columns:
            if column.labels is not None or _WRITTEN_OUT.fullmatch(column.native_type):
                held = _used(table, column, engine, data)
                labels = tuple(label for label in column.labels or () if label in held)
                used[table.label, column.name] = labels
                of_type.setdefault(column.native_type, set()).add(labels)

    def kept(table: Table, column: Column) -> Column:
        labels = used.get((table.label, column.name))
        if labels is None:
            return column
        written = _WRITTEN_OUT.fullmatch(column.native_type)
        if written is None:
            # A named type has one list: where columns of it differ, it is restored as text that holds them all.
            return replace(column, labels=labels if labels and len(of_type[column.native_type]) == 1 else None)
        listed = ",".join("'" + label.replace("'", "''") + "'" for label in labels)
        return replace(column, labels=labels or None, native_type=f"{written[1]}({listed})" if labels else written[1])

    return source.with_tables(
        tuple(replace(table, columns=tuple(kept(table, column) for column in table.columns)) for table in source.tables)
    )


def _used(table: Table, column: Column, engine: duckdb.DuckDBPyConnection, data: Path) -> set[str]:
    """The labels in a column's values; a value of a set holds several."""
    if table.excluded is not None or column.carried == "excluded" or not table.row_count:
        return set()
    file = text_literal(str((data / table.file).resolve()))
    name = quote(column.name)
    sql = f"SELECT DISTINCT CAST({name} AS VARCHAR) FROM read_parquet({file}) WHERE {name} IS NOT NULL"
    values = {str(value) for (value,) in engine.execute(sql).fetchall()}
    return values | {label for value in values for label in value.split(",")}
