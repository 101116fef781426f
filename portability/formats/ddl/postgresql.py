"""PostgreSQL 12 and later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable, Statement, quoted_text
from portability.formats.ddl.shapes import Kind, Shape
from portability.formats.ddl.transport import FOLDER, copy_to_csv, plain_text
from portability.manifest import Column

__all__ = ["PostgreSQL"]

_INTEGERS = {8: "smallint", 16: "smallint", 32: "integer", 64: "bigint"}
_UNSIGNED = {8: "smallint", 16: "integer", 32: "bigint", 64: "numeric(20,0)"}
_SIMPLE: dict[Kind, str] = {
    "boolean": "boolean",
    "json": "json",
    "uuid": "uuid",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "instant": "timestamp with time zone",
    "time": "time without time zone",
    "duration": "bigint",
    "bytes": "bytea",
    "file": "text",
}
# Types of the server itself, whose input functions read what their output functions print. A domain, an enum or an
# extension's type would have to be made first, so their values stay text.
_TEXTUAL = (
    r"character varying(\(\d+\))?|character(\(\d+\))?|text|xml|bit(\(\d+\))?|bit varying(\(\d+\))?|numeric|"
    r"inet|cidr|macaddr8?|interval|time(\(\d\))? with time zone|tsvector|tsquery|"
    r"point|line|lseg|box|path|polygon|circle|(int4|int8|num|ts|tstz|date)range"
)
_ELEMENTS = (
    rf"{_TEXTUAL}|smallint|integer|bigint|real|double precision|numeric\(\d+(,\s?-?\d+)?\)|boolean|uuid|json|jsonb|"
    r"date|timestamp(\(\d\))? without time zone|timestamp(\(\d\))? with time zone|time(\(\d\))? without time zone"
)
_NATIVE: dict[Kind, str] = {
    "integer": r"smallint|integer|bigint|oid",
    "decimal": r"numeric(\(\d+(,\s?\d+)?\))?",
    "float": r"real|double precision",
    "text": rf"{_TEXTUAL}|({_ELEMENTS})(\[\])+",
    "json": r"jsonb?",
    "date": r"date",
    "timestamp": r"timestamp(\(\d\))? without time zone",
    "instant": r"timestamp(\(\d\))? with time zone",
    "time": r"time(\(\d\))? without time zone",
}
_NO_ORDER = re.compile(r"json|xml|point|line|lseg|box|path|polygon|circle")
_TEXT_MAX = 10_485_760


class PostgreSQL(Dialect):
    """Loaded with psql's own copy command: no right on the server's files is needed."""

    name: ClassVar[str] = "postgresql"
    title: ClassVar[str] = "PostgreSQL"
    dbms: ClassVar[str] = "postgresql"
    name_max: ClassVar[int] = 63
    folds_case: ClassVar[bool] = False

    def name_length(self, name: str) -> int:
        return len(name.encode())

    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        pattern = _NATIVE.get(shape.kind)
        if same and column and pattern and re.fullmatch(pattern, column.native_type):
            return column.native_type
        match shape.kind:
            case "integer":
                return (_INTEGERS if shape.signed else _UNSIGNED)[shape.bits]
            case "float":
                return "double precision" if shape.bits > 32 else "real"  # noqa: PLR2004 -- bits of a single
            case "decimal":
                return f"numeric({shape.precision},{shape.scale})"
            case "text":
                return f"varchar({shape.length})" if shape.length and shape.length <= _TEXT_MAX else "text"
        return _SIMPLE[shape.kind]

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return _without_order(columns) or super().primary_key(table, name, columns)

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return _without_order(columns) or super().unique_key(table, name, columns)

    def index(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn], *, unique: bool) -> Statement:
        return _without_order(columns) or super().index(table, name, columns, unique=unique)

    def how_to(self, script: str) -> str:
        if script == "load":
            return f"Run csv.sql first, then, in the folder that contains {FOLDER}/: psql -d DATABASE -f THIS_FILE"
        return "psql -d DATABASE -v ON_ERROR_STOP=1 -f THIS_FILE"

    def load(self, tables: Sequence[PlannedTable]) -> str:
        return "\n".join(
            [
                "\\set ON_ERROR_STOP on",
                "SET client_encoding = 'UTF8';",
                "SET datestyle = 'ISO, YMD';",
                *(
                    f"\\copy {self.relation(each)} ({self.names(each.columns)})"
                    f" from {quoted_text(f'{FOLDER}/{each.stem}.csv')} with (format csv, header true, null '')"
                    for each in tables
                ),
            ]
        )

    def transport(self, table: PlannedTable) -> str:
        return copy_to_csv(table, _text, null="")


def _text(column: PlannedColumn) -> str:
    text = plain_text(column)
    match column.shape.kind:
        case "bytes":
            return f"'\\x' || {text}"
        case "instant":
            return f"replace({text} || '+00', ' (BC)+00', '+00 BC')"
        case "date" | "timestamp":
            return f"replace({text}, ' (BC)', ' BC')"
    return text


def _without_order(columns: Sequence[PlannedColumn]) -> Statement | None:
    named = [each.type for each in columns if _NO_ORDER.fullmatch(each.type)]
    return Statement(reason=f"{named[0]} has no order to index by") if named else None
