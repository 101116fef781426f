"""What a DuckDB file declares, read from its own table functions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from portability.manifest import Column, ForeignKey, Index, Key, SnapshotRecord, SourceSchema, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    Query = Callable[[str], list[tuple[Any, ...]]]

__all__ = ["read_catalogue"]

_HERE = "database_name = current_database() AND NOT internal"
_TABLES = f"SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE {_HERE} ORDER BY ALL"
_COLUMNS = f"""SELECT schema_name, table_name, column_name, data_type, is_nullable, column_default, comment
 FROM duckdb_columns() WHERE {_HERE} ORDER BY schema_name, table_name, column_index"""
_CONSTRAINTS = """SELECT schema_name, table_name, constraint_type, constraint_column_names,
 referenced_table, referenced_column_names FROM duckdb_constraints()
 WHERE database_name = current_database() ORDER BY schema_name, table_name, constraint_index"""
_INDEXES = """SELECT schema_name, table_name, index_name, is_unique, sql FROM duckdb_indexes()
 WHERE database_name = current_database() ORDER BY ALL"""


def read_catalogue(query: Query) -> SourceSchema:
    """Return tables, columns, keys, references and indexes; views and macros are left out."""
    ((version,),) = query("SELECT version()")
    columns, constraints, indexes = (_grouped(query(sql)) for sql in (_COLUMNS, _CONSTRAINTS, _INDEXES))
    tables = tuple(_table(row, columns[row[:2]], constraints[row[:2]], indexes[row[:2]]) for row in query(_TABLES))
    record = SnapshotRecord(method="the session that writes", level="exact")
    return SourceSchema(
        dbms="duckdb",
        dbms_version=str(version).removeprefix("v"),
        default_schema="main",
        tables=tables,
        snapshot=record,
    )


def _grouped(rows: list[tuple[Any, ...]]) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    groups: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[row[0], row[1]].append(row[2:])
    return groups


def _table(
    row: tuple[Any, ...],
    columns: list[tuple[Any, ...]],
    constraints: list[tuple[Any, ...]],
    indexes: list[tuple[Any, ...]],
) -> Table:
    schema, name, comment = row
    keys = [(kind, Key(name=None, columns=tuple(names))) for kind, names, _, _ in constraints]
    return Table(
        schema=schema,
        name=name,
        comment=comment,
        columns=tuple(
            Column(
                name=column, position=number, native_type=kind, nullable=bool(nullable), default=default, comment=text
            )
            for number, (column, kind, nullable, default, text) in enumerate(columns, 1)
        ),
        primary_key=next((key for kind, key in keys if kind == "PRIMARY KEY"), None),
        unique_keys=tuple(key for kind, key in keys if kind == "UNIQUE"),
        foreign_keys=tuple(
            ForeignKey(
                name=None,
                columns=tuple(names),
                target_schema=schema,
                target_table=str(target),
                target_columns=tuple(targets),
            )
            for kind, names, target, targets in constraints
            if kind == "FOREIGN KEY"
        ),
        indexes=tuple(
            Index(name=index, columns=(), unique=bool(unique), definition=sql) for index, unique, sql in indexes
        ),
    )
