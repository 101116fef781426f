"""SQLite 3.8 and later: values keep their exactness as text where SQLite would make a binary float of them.

Keys and references can only be declared with the table, so they stand in create.sql; SQLite enforces references
only after ``PRAGMA foreign_keys = ON``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable, Reference, Statement, quoted_text
from portability.formats.ddl.shapes import Shape
from portability.formats.ddl.transport import FOLDER, plain_text, scan
from portability.manifest import Column

__all__ = ["SQLite"]

_CLEAN_TYPE = re.compile(r"[A-Za-z0-9_ ]{1,40}(\(\d+(, ?\d+)?\))?")
_EXACT_DIGITS = 18  # an integer of that many digits always fits 64 bits
_TYPEOF = "typeof"


class SQLite(Dialect):
    """Loaded from a file of INSERT statements: the shell's ``.import`` cannot tell a null from an empty text."""

    name: ClassVar[str] = "sqlite"
    title: ClassVar[str] = "SQLite"
    dbms: ClassVar[str] = "sqlite"
    has_schemas: ClassVar[bool] = False
    keeps_storage_classes: ClassVar[bool] = True
    inline_keys: ClassVar[bool] = True

    def clean(self, name: str) -> str:
        # Names that begin so are SQLite's own.
        return f"_{name}" if name.lower().startswith("sqlite_") else name

    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        if same and column:
            return column.native_type if _CLEAN_TYPE.fullmatch(column.native_type) else ""
        match shape.kind:
            case "integer":
                return "INTEGER" if shape.signed or shape.bits < 64 else "TEXT"  # noqa: PLR2004
            case "decimal":
                return "INTEGER" if shape.scale == 0 and shape.precision <= _EXACT_DIGITS else "TEXT"
            case "float":
                return "REAL"
            case "boolean" | "duration":
                return "INTEGER"
            case "bytes":
                return "BLOB"
        return "TEXT"

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:  # noqa:
    ARG002
        return Statement(sql=f"PRIMARY KEY ({self.names(columns)})")

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return self.index(table, name, columns, unique=True)

    def foreign_key(self, name: str, reference: Reference) -> Statement:  # noqa: ARG002
        return Statement(sql=self.reference(reference))

    def check(self, table: PlannedTable, name: str, expression: str) -> Statement:  # noqa: ARG002
        return Statement(sql=f"CHECK ({expression})")

    def how_to(self, script: str) -> str:
        if script == "load":
            return f"Run csv.sql first, then, in the folder that contains {FOLDER}/: sqlite3 firm.db < THIS_FILE"
        return "sqlite3 firm.db < THIS_FILE"

    def load(self, tables: Sequence[PlannedTable]) -> str:
        reads = [f".read {FOLDER}/{each.stem}.sql" for each in tables]
        return "\n".join([".bail on", "BEGIN;", *reads, "COMMIT;"])

    def transport(self, table: PlannedTable) -> str:
        values = " || ',' ||\n    ".join(_literal(each) for each in table.columns)
        head = quoted_text(f"INSERT INTO {self.relation(table)} ({self.names(table.columns)}) VALUES(")
        target = quoted_text(f"{FOLDER}/{table.stem}.sql")
        # Raw lines: no quotes, no escapes, one column, so no delimiter.
        options = "FORMAT csv, HEADER false, QUOTE '', ESCAPE ''"
        return f"COPY (\n  SELECT {head} ||\n    {values} || ');'\n  FROM {scan(table)}\n) TO {target} ({options})"


def _literal(column: PlannedColumn) -> str:
    """Return the DuckDB expression of a value's literal in SQLite's SQL."""
    if column.typeof is not None:
        return _mixed(column.alias, f"c{column.typeof}")
    text = plain_text(column)
    match column.shape.kind:
        case "integer" | "boolean" | "duration" | "decimal" if column.type != "TEXT":
            return f"coalesce({text}, 'NULL')"
        case "float":
            return f"coalesce({_float(column.alias)}, 'NULL')"
        case "bytes":
            return f"coalesce('X''' || {text} || '''', 'NULL')"
        case "instant":
            text += " || '+00:00'"
    return f"coalesce({_quoted(text)}, 'NULL')"


def _quoted(text: str) -> str:
    # A NUL would end the statement, so such a text is written as its bytes.
    plain = f"'''' || replace({text}, '''', '''''') || ''''"
    return (
        f"CASE WHEN contains({text}, chr(0)) THEN 'CAST(X''' || hex(encode({text})) || ''' AS TEXT)' ELSE {plain} END"
    )


def _float(alias: str) -> str:
    text = f"CAST({alias} AS VARCHAR)"
    return (
        f"CASE WHEN isnan({alias}) THEN '''NaN''' WHEN isinf({alias}) AND {alias} > 0 THEN '9e999'"
        f" WHEN isinf({alias}) THEN '-9e999' ELSE {text} END"
    )


def _mixed(alias: str, typeof: str) -> str:
    """Give each value back the storage class that its sidecar names."""
    return (
        f"CASE {typeof} WHEN 'null' THEN 'NULL' WHEN 'integer' THEN {alias} WHEN 'real' THEN replace({alias}, 'Inf',
        '9e999')" f" WHEN 'blob' THEN 'X''' || {alias} || '''' ELSE coalesce({_quoted(alias)}, 'NULL') END"
    )
