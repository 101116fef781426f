"""SQLite 3.8 and later: values keep their exactness as text where SQLite would make a binary float of them.

Keys and references can only be declared with the table, so they stand in create.sql; SQLite enforces references
only after ``PRAGMA foreign_keys = ON``.
"""

# ruff: noqa: ARG002 -- a dialect is given what any dialect may need

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
# SQLite's reading of a decimal text may miss the double by a bit. A whole number divided or multiplied by powers of
# two does not: each step of it is exact.
_MACROS = """\
CREATE TEMP MACRO lpa_shift(x) AS CAST(53 - floor(log2(abs(x))) AS INTEGER);
CREATE TEMP MACRO lpa_whole(x, k) AS CAST(x * pow(2, k // 2) * pow(2, k - k // 2) AS BIGINT);
CREATE TEMP MACRO lpa_powers(word, k) AS repeat(word || '1073741824.0', k // 30) || word || (1 << (k % 30)) || '.0';
CREATE TEMP MACRO lpa_double(x, k) AS
  lpa_whole(x, k) || CASE WHEN k < 0 THEN lpa_powers('*', -k) ELSE lpa_powers('/', k) END;
CREATE TEMP MACRO lpa_real(x) AS CASE
  WHEN x IS NULL THEN 'NULL'
  WHEN isnan(x) THEN '''NaN'''
  WHEN isinf(x) THEN CASE WHEN x > 0 THEN '9e999' ELSE '-9e999' END
  WHEN x = trunc(x) AND abs(x) < 9007199254740992 THEN CAST(CAST(x AS BIGINT) AS VARCHAR) || '.0'
  ELSE lpa_double(x, lpa_shift(x)) END;"""


class SQLite(Dialect):
    """Loaded from a file of INSERT statements: the shell's ``.import`` cannot tell a null from an empty text."""

    name: ClassVar[str] = "sqlite"
    title: ClassVar[str] = "SQLite"
    dbms: ClassVar[str] = "sqlite"
    has_schemas: ClassVar[bool] = False
    keeps_storage_classes: ClassVar[bool] = True
    inline_keys: ClassVar[bool] = True
    transport_head: ClassVar[str] = _MACROS

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

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return Statement(sql=f"PRIMARY KEY ({self.names(columns)})")

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return self.index(table, name, columns, unique=True)

    def foreign_key(self, name: str, reference: Reference) -> Statement:
        return Statement(sql=self.reference(reference))

    def check(self, table: PlannedTable, name: str, expression: str) -> Statement:
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
        return _mixed(column)
    text = plain_text(column)
    match column.shape.kind:
        case "integer" | "boolean" | "duration" | "decimal" if column.type != "TEXT":
            return f"coalesce({text}, 'NULL')"
        case "float":
            return f"lpa_real(CAST({column.alias} AS DOUBLE))"
        case "bytes":
            return f"coalesce('X''' || {text} || '''', 'NULL')"
        case "instant":
            text += " || '+00:00'"
    return f"coalesce({_quoted(text)}, 'NULL')"


def _quoted(text: str) -> str:
    # A NUL would end the statement, and the shell drops a carriage return before a line feed: such a text goes as
    # its bytes.
    plain = f"'''' || replace({text}, '''', '''''') || ''''"
    awkward = f"contains({text}, chr(0)) OR contains({text}, chr(13))"
    return f"CASE WHEN {awkward} THEN 'CAST(X''' || hex(encode({text})) || ''' AS TEXT)' ELSE {plain} END"


def _mixed(column: PlannedColumn) -> str:
    """Give each value back the storage class that its sidecar names; one that became a file is null."""
    alias, typeof = column.alias, f"c{column.typeof}"
    if column.shape.kind == "bytes":  # documents, some of which were stored as text: their bytes are here
        octets = f"'X''' || hex({alias}) || ''''"
        text = f"'CAST(' || {octets} || ' AS TEXT)'"
        number = f"'CAST(' || {text} || ' AS NUMERIC)'"
        cases = f"WHEN 'blob' THEN {octets} WHEN 'text' THEN {text} ELSE {number}"
    else:
        real = f"lpa_real(TRY_CAST({alias} AS DOUBLE))"
        blob = f"'X''' || {alias} || ''''"
        cases = f"WHEN 'integer' THEN {alias} WHEN 'real' THEN {real} WHEN 'blob' THEN {blob} ELSE {_quoted(alias)}"
    return f"coalesce(CASE {typeof} WHEN 'null' THEN 'NULL' {cases} END, 'NULL')"
