"""SQL Server 2017 and later.

BULK INSERT reads an empty field as null whether it was quoted or not, so each value in the CSV file begins with
``=`` and a null is empty; rows go through a table of texts, and a conversion that does not fit is an error there.
Texts compare by their code units, but SQL Server ignores trailing spaces in every comparison.
"""

# ruff: noqa: ARG002 -- a dialect is given what any dialect may need

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable, Reference, Statement, quoted_text
from portability.formats.ddl.shapes import Kind, Shape
from portability.formats.ddl.transport import copy_to_csv, plain_text
from portability.manifest import Column

__all__ = ["SQLServer"]

_COLLATION = "COLLATE Latin1_General_100_BIN2"
_INTEGERS = {8: "SMALLINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"}
_UNSIGNED = {8: "TINYINT", 16: "INT", 32: "BIGINT", 64: "DECIMAL(20,0)"}
_SIMPLE: dict[Kind, str] = {
    "boolean": "BIT",
    "json": f"NVARCHAR(MAX) {_COLLATION}",
    "uuid": "UNIQUEIDENTIFIER",
    "date": "DATE",
    "timestamp": "DATETIME2(6)",
    "instant": "DATETIMEOFFSET(6)",
    "time": "TIME(6)",
    "duration": "BIGINT",
    "file": f"CHAR(64) {_COLLATION}",
}
_UNITS_MAX = 4_000  # UTF-16 code units of a bounded text
_BYTES_MAX = 8_000


class SQLServer(Dialect):
    """Loaded with BULK INSERT by way of a table of texts."""

    name: ClassVar[str] = "sqlserver"
    title: ClassVar[str] = "SQL Server"
    dbms: ClassVar[str] = "sqlserver"
    name_max: ClassVar[int] = 128

    def quote(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def name_length(self, name: str) -> int:
        return len(name.encode("utf-16-le", "replace")) // 2

    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        match shape.kind:
            case "integer":
                return (_INTEGERS if shape.signed else _UNSIGNED)[shape.bits]
            case "float":
                return "FLOAT(53)" if shape.bits > 32 else "REAL"  # noqa: PLR2004 -- bits of a single
            case "decimal":
                return f"DECIMAL({shape.precision},{shape.scale})"
            case "text":
                # A character may take two code units.
                units = 2 * shape.length if shape.length else _UNITS_MAX + 1
                return f"NVARCHAR({units if units <= _UNITS_MAX else 'MAX'}) {_COLLATION}"
            case "bytes":
                return f"VARBINARY({shape.length if shape.length and shape.length <= _BYTES_MAX else 'MAX'})"
        return _SIMPLE[shape.kind]

    def create_schema(self, name: str) -> str:
        # CREATE SCHEMA must be alone in its batch.
        return f"EXEC(N{quoted_text(f'CREATE SCHEMA {self.quote(name)}')})"

    def column_definition(self, column: PlannedColumn) -> str:
        return f"{self.quote(column.name)} {column.type} {'NOT NULL' if column.required else 'NULL'}"

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        return _unbounded(columns) or super().primary_key(table, name, columns)

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        if all(each.required for each in columns):
            return _unbounded(columns) or super().unique_key(table, name, columns)
        return self.index(table, name, columns, unique=True)

    def index(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn], *, unique: bool) -> Statement:
        statement = _unbounded(columns) or super().index(table, name, columns, unique=unique)
        nullable = [each for each in columns if not each.required]
        if not unique or not nullable or statement.reason:
            return statement
        # Here two nulls are equal; elsewhere they are not.
        present = " AND ".join(f"{self.quote(each.name)} IS NOT NULL" for each in nullable)
        return Statement(sql=f"{statement.sql} WHERE {present}")

    def cannot_refer(self, reference: Reference) -> str:
        if not all(each.required for each in reference.target_columns):
            return "the columns referred to may be null, so they have an index but no key here"
        if refused := _unbounded([*reference.columns, *reference.target_columns]):
            return refused.reason
        pairs = zip(reference.columns, reference.target_columns, strict=True)
        differ = [f"{a.type} / {b.type}" for a, b in pairs if a.type != b.type]
        return f"the types differ: {', '.join(differ)}" if differ else ""

    def can_act(self, action: str) -> bool:
        # Cascades along several paths are refused here; without them no row changes unasked.
        return action == "NO ACTION"

    def how_to(self, script: str) -> str:
        if script == "load":
            return (
                "Run csv.sql first, put the files where the server can read them, set @csv below to that folder, then: "
                "sqlcmd -x -b -f 65001 -d DATABASE -i THIS_FILE"
            )
        return "sqlcmd -x -b -f 65001 -d DATABASE -i THIS_FILE"

    def load(self, tables: Sequence[PlannedTable]) -> str:
        head = ["SET XACT_ABORT ON;", r"DECLARE @csv NVARCHAR(260) = N'C:\csv';", "BEGIN TRANSACTION;"]
        body = [self._load_table(number, each) for number, each in enumerate(tables, start=1)]
        return "\n".join([*head, *body, "COMMIT;"])

    def _load_table(self, number: int, table: PlannedTable) -> str:
        stage = f"#texts_{number}"
        fields = ", ".join(f"c{each.position} NVARCHAR(MAX) {_COLLATION}" for each in table.columns)
        values = ", ".join(_from_text(each) for each in table.columns)
        options = "FORMAT = ''CSV'', FIRSTROW = 2, CODEPAGE = ''65001'', ROWTERMINATOR = ''0x0a'', TABLOCK"
        return f"""
CREATE TABLE {stage} ({fields});
EXEC(N'BULK INSERT {stage} FROM ''' + @csv + N'\\{table.stem}.csv'' WITH ({options})');
INSERT INTO {self.relation(table)} ({self.names(table.columns)}) SELECT {values} FROM {stage};
DROP TABLE {stage};"""

    def transport(self, table: PlannedTable) -> str:
        return copy_to_csv(table, _text, null="")


def _text(column: PlannedColumn) -> str:
    text = plain_text(column)
    return f"'=' || {text} || '+00:00'" if column.shape.kind == "instant" else f"'=' || {text}"


def _from_text(column: PlannedColumn) -> str:
    field = f"c{column.position}"
    value = f"SUBSTRING({field}, 2, 2147483647)"
    if column.shape.kind == "bytes":
        value = f"CONVERT(VARBINARY(MAX), {value}, 2)"
    return f"CASE WHEN {field} LIKE N'=%' THEN {value} END"


def _unbounded(columns: Sequence[PlannedColumn]) -> Statement | None:
    unbounded = [each for each in columns if "(MAX)" in each.type]
    return Statement(reason="a column of unbounded length has no key here") if unbounded else None
