"""DuckDB 1.2 and later, which reads the archive's Parquet files as they are."""

# ruff: noqa: ARG002 -- a dialect is given what any dialect may need

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable, Reference, Statement
from portability.formats.ddl.shapes import Kind, Shape
from portability.formats.ddl.transport import scan
from portability.manifest import Column

__all__ = ["DuckDB"]

_INTEGERS = {8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}
_SIMPLE: dict[Kind, str] = {
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "json": "JSON",
    "uuid": "UUID",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "instant": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
    "duration": "BIGINT",
    "bytes": "BLOB",
    "file": "STRUCT(sha256 VARCHAR, size_bytes BIGINT)",
}


class DuckDB(Dialect):
    """Loaded in one step, in the archive's own ``data`` folder."""

    name: ClassVar[str] = "duckdb"
    title: ClassVar[str] = "DuckDB"
    dbms: ClassVar[str] = "duckdb"

    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        match shape.kind:
            case "integer":
                return ("" if shape.signed else "U") + _INTEGERS[shape.bits]
            case "float":
                return "DOUBLE" if shape.bits > 32 else "FLOAT"  # noqa: PLR2004 -- bits of a single
            case "decimal":
                return f"DECIMAL({shape.precision},{shape.scale})"
        return _SIMPLE[shape.kind]

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return Statement(sql=f"ALTER TABLE {self.relation(table)} ADD PRIMARY KEY ({self.names(columns)})")

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return self.index(table, name, columns, unique=True)

    def foreign_key(self, name: str, reference: Reference) -> Statement:
        return Statement(reason="DuckDB adds no foreign key to a table that exists")

    def check(self, table: PlannedTable, name: str, expression: str) -> Statement:
        return Statement(reason="DuckDB adds no check to a table that exists")

    def how_to(self, script: str) -> str:
        return "In the archive's data folder, with the new database outside it: duckdb ~/firm.duckdb < THIS_FILE"

    def load(self, tables: Sequence[PlannedTable]) -> str:
        return "\n".join(self._insert(each) for each in tables)

    def _insert(self, table: PlannedTable) -> str:
        values = ", ".join(each.alias for each in table.columns)
        return f"INSERT INTO {self.relation(table)} ({self.names(table.columns)})\nSELECT {values} FROM {scan(table)};"

    def transport(self, table: PlannedTable) -> str:
        return ""
