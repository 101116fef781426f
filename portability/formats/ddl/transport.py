"""DuckDB expressions that write a file's values as text which another DBMS reads back exactly.

Every value is quoted and a null is not, so that an empty text stays apart from a null; bytes travel as hex digits.
"""

from __future__ import annotations

from collections.abc import Callable

from portability.formats.ddl.dialect import PlannedColumn, PlannedTable, quoted_text

__all__ = ["copy_to_csv", "plain_text", "scan"]

FOLDER = "csv"

_EXPRESSIONS = {
    "boolean": "CAST(CAST({c} AS TINYINT) AS VARCHAR)",
    "instant": "CAST({c} AT TIME ZONE 'UTC' AS VARCHAR)",
    "bytes": "hex({c})",
    "file": "{c}.sha256",
}


def plain_text(column: PlannedColumn) -> str:
    """Return a column's values as text: ISO dates, UTC without an offset, 1 and 0, hex digits, a file's SHA-256."""
    return _EXPRESSIONS.get(column.shape.kind, "CAST({c} AS VARCHAR)").format(c=column.alias)


def scan(table: PlannedTable) -> str:
    """Return the FROM item that reads a table's file, its columns named by position."""
    aliases = ", ".join(f"c{position}" for position in range(table.file_width))
    return f"read_parquet({quoted_text(table.table.file)}, hive_partitioning = false) AS t({aliases})"


def copy_to_csv(table: PlannedTable, expression: Callable[[PlannedColumn], str], *, null: str) -> str:
    """Return the statement that writes a table as CSV with a header line.

    Args:
        table: Its file is read.
        expression: The text of each column.
        null: What stands for a null, without quotes; every value has them.
    """
    columns = ",\n    ".join(f"{expression(each)} AS c{each.position}" for each in table.columns)
    target = quoted_text(f"{FOLDER}/{table.stem}.csv")
    options = f"FORMAT csv, HEADER true, FORCE_QUOTE *, NULLSTR {quoted_text(null)}"
    return f"COPY (\n  SELECT\n    {columns}\n  FROM {scan(table)}\n) TO {target} ({options})"
