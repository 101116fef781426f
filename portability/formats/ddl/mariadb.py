"""MariaDB 10.4 and later.

Texts compare by their bytes (``utf8mb4_nopad_bin``), so that keys which differ in case, accents or trailing spaces
stay apart. LOAD DATA LOCAL turns errors into warnings and clamps what does not fit, so rows go through a table of
texts first and from there by INSERT in strict mode, which refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable, Reference, Statement, quoted_text
from portability.formats.ddl.shapes import Kind, Shape
from portability.formats.ddl.transport import FOLDER, copy_to_csv, plain_text
from portability.manifest import Column

__all__ = ["MariaDB"]

_INTEGERS = {8: "TINYINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"}
_SIMPLE: dict[Kind, str] = {
    "boolean": "BOOLEAN",
    "json": "LONGTEXT",
    "uuid": "CHAR(36)",
    "date": "DATE",
    "timestamp": "DATETIME(6)",
    "instant": "DATETIME(6)",
    "time": "TIME(6)",
    "duration": "BIGINT",
    "file": "CHAR(64)",
}
_NATIVE: dict[Kind, str] = {
    "integer": r"((tiny|small|medium|big)?int|integer)(\(\d+\))?( unsigned)?( zerofill)?|year(\(4\))?",
    "decimal": r"decimal\(\d+,\d+\)( unsigned)?( zerofill)?",
    "float": r"(float|double)( unsigned)?",
    "text": r"(char|varchar)\(\d+\)|(tiny|medium|long)?text|uuid|inet[46]",
    "json": r"json|longtext",
    "bytes": r"(var)?binary\(\d+\)|(tiny|medium|long)?blob",
    "date": r"date",
    "timestamp": r"datetime(\(\d\))?",
    "instant": r"timestamp(\(\d\))?",
    "duration": r"time(\(\d\))?",
}
_BOUNDED = re.compile(r"(VAR)?(CHAR|BINARY)\((\d+)\)", re.IGNORECASE)
_UNBOUNDED = re.compile(r"(tiny|medium|long)?(text|blob)|json", re.IGNORECASE)
_CHARACTER_BYTES = 4
_VARCHAR_MAX = 16_000  # characters; a row has 65,535 bytes for all of them
_VARBINARY_MAX = 64_000
_ROW_BYTES_MAX = 65_000
_PAGE_BYTES_MAX = 8_000  # of a row that InnoDB must keep inside its page (8,126 of 16 KiB)
_INLINE_CHARACTERS = 64  # from here on InnoDB may move a value out of the page
_KEY_BYTES_MAX = 3_072
_PREFIX_CHARACTERS = 190


class MariaDB(Dialect):
    """Loaded with LOAD DATA LOCAL by way of a table of texts."""

    name: ClassVar[str] = "mariadb"
    title: ClassVar[str] = "MariaDB"
    dbms: ClassVar[str] = "mariadb"
    kin: ClassVar[frozenset[str]] = frozenset({"mysql"})
    name_max: ClassVar[int] = 64
    has_schemas: ClassVar[bool] = False

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def clean(self, name: str) -> str:
        # Names have no characters beyond the basic plane and do not end in a space.
        return "".join("_" if ord(character) > 0xFFFF else character for character in name).rstrip()  # noqa: PLR2004

    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        pattern = _NATIVE.get(shape.kind)
        if same and column and pattern and re.fullmatch(pattern, column.native_type, re.IGNORECASE):
            return column.native_type
        match shape.kind:
            case "integer":
                return _INTEGERS[shape.bits] + ("" if shape.signed else " UNSIGNED")
            case "float":
                return "DOUBLE" if shape.bits > 32 else "FLOAT"  # noqa: PLR2004 -- bits of a single
            case "decimal":
                return f"DECIMAL({shape.precision},{shape.scale})"
            case "text":
                return f"VARCHAR({shape.length})" if shape.length and shape.length <= _VARCHAR_MAX else "LONGTEXT"
            case "bytes":
                return f"VARBINARY({shape.length})" if shape.length and shape.length <= _VARBINARY_MAX else "LONGBLOB"
        return _SIMPLE[shape.kind]

    def fit(self, columns: list[PlannedColumn]) -> list[PlannedColumn]:
        if sum(_page_bytes(each.type) for each in columns) > _PAGE_BYTES_MAX:
            columns = [replace(each, type=_movable(each.type)) for each in columns]
        by_size = sorted(columns, key=lambda each: (each.in_key, -_row_bytes(each.type)))
        while sum(_row_bytes(each.type) for each in columns) > _ROW_BYTES_MAX and by_size:
            widest = by_size.pop(0)
            unbounded = "LONGBLOB" if widest.shape.kind == "bytes" else "LONGTEXT"
            if _BOUNDED.fullmatch(widest.type):
                columns = [replace(each, type=unbounded) if each is widest else each for each in columns]
        return columns

    def table_options(self) -> str:
        return " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"

    def column_definition(self, column: PlannedColumn) -> str:
        # Without the word NULL, MariaDB makes the first TIMESTAMP of a table NOT NULL and gives it a clock of its own.
        return f"{self.quote(column.name)} {column.type} {'NOT NULL' if column.required else 'NULL'}"

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        if _is_long(columns):
            return self.unique_key(table, name, columns)  # MariaDB hashes it; a primary key cannot be
        return Statement(sql=f"ALTER TABLE {self.relation(table)} ADD PRIMARY KEY ({self.names(columns)})")

    def index(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn], *, unique: bool) -> Statement:
        if unique or not _is_long(columns):
            return super().index(table, name, columns, unique=unique)
        parts = ", ".join(self.quote(each.name) + _prefix(each.type) for each in columns)
        return Statement(sql=f"CREATE INDEX {self.quote(name)} ON {self.relation(table)} ({parts})")

    def cannot_refer(self, reference: Reference) -> str:
        if _is_long([*reference.columns, *reference.target_columns]):
            return "the columns are too long for an index that a reference needs"
        pairs = zip(reference.columns, reference.target_columns, strict=True)
        differ = [f"{a.type} / {b.type}" for a, b in pairs if _comparable(a.type) != _comparable(b.type)]
        return f"the types differ: {', '.join(differ)}" if differ else ""

    def can_act(self, action: str) -> bool:
        return action in {"CASCADE", "SET NULL", "RESTRICT", "NO ACTION"}

    def how_to(self, script: str) -> str:
        if script == "load":
            return (
                f"Run csv.sql first, then, in the folder that contains {FOLDER}/: "
                "mariadb --local-infile=1 DATABASE < THIS_FILE (the server must allow local_infile)"
            )
        return "mariadb DATABASE < THIS_FILE"

    def load(self, tables: Sequence[PlannedTable]) -> str:
        return "\n".join(
            [
                "SET NAMES utf8mb4;",
                "SET SESSION time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0,",
                "  sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';",
                *(self._load_table(each) for each in tables),
            ]
        )

    def _load_table(self, table: PlannedTable) -> str:
        fields = ", ".join(f"c{each.position} LONGTEXT" for each in table.columns)
        values = ", ".join(_from_text(each) for each in table.columns)
        return f"""
CREATE TEMPORARY TABLE lpa_texts ({fields}) ENGINE=MyISAM CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
LOAD DATA LOCAL INFILE {quoted_text(f"{FOLDER}/{table.stem}.csv")} INTO TABLE lpa_texts CHARACTER SET utf8mb4
  FIELDS TERMINATED BY ',' ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n' IGNORE 1 LINES;
INSERT INTO {self.relation(table)} ({self.names(table.columns)}) SELECT {values} FROM lpa_texts;
DROP TEMPORARY TABLE lpa_texts;"""

    def transport(self, table: PlannedTable) -> str:
        return copy_to_csv(table, _text, null="NULL")


def _text(column: PlannedColumn) -> str:
    if column.shape.kind == "duration" and column.type.lower().startswith("time"):
        c = f"CAST({column.alias} AS BIGINT)"
        parts = f"abs({c}) // 3600000000, abs({c}) // 60000000 % 60, abs({c}) // 1000000 % 60, abs({c}) % 1000000"
        return f"CASE WHEN {c} < 0 THEN '-' ELSE '' END || printf('%02d:%02d:%02d.%06d', {parts})"
    return plain_text(column)


def _from_text(column: PlannedColumn) -> str:
    return f"UNHEX(c{column.position})" if column.shape.kind == "bytes" else f"c{column.position}"


def _row_bytes(kind: str) -> int:
    match = _BOUNDED.fullmatch(kind)
    if match is None:
        return 16
    return int(match[3]) * (_CHARACTER_BYTES if match[2].upper() == "CHAR" else 1) + 2


def _page_bytes(kind: str) -> int:
    size = _row_bytes(kind)
    return size if size < _INLINE_CHARACTERS * _CHARACTER_BYTES else 20


def _movable(kind: str) -> str:
    match = _BOUNDED.fullmatch(kind)
    if match is None or match[2].upper() != "CHAR":
        return kind
    return f"VARCHAR({max(int(match[3]), _INLINE_CHARACTERS)})"


def _is_long(columns: Sequence[PlannedColumn]) -> bool:
    unbounded = any(_UNBOUNDED.fullmatch(each.type) for each in columns)
    return unbounded or sum(_row_bytes(each.type) for each in columns) > _KEY_BYTES_MAX


def _prefix(kind: str) -> str:
    bounded = _BOUNDED.fullmatch(kind)
    long = _UNBOUNDED.fullmatch(kind) or (bounded and int(bounded[3]) > _PREFIX_CHARACTERS)
    return f"({_PREFIX_CHARACTERS})" if long else ""


def _comparable(kind: str) -> str:
    """Strip what InnoDB does not ask to be equal: lengths of texts and display widths."""
    return re.sub(r"\(\d+\)", "", kind.upper()).removeprefix("VAR").replace("INTEGER", "INT")
