"""What an import leaves in its target besides the rows: the crosswalk, the rejects and the record of imports.

The crosswalk leads from a canonical row to the target's key, one line for each row that an import made (``loaded``) or
found (``matched``). ``row_md5`` is of the row as the profile gave it, ``live_md5`` of the row as the target's own SQL
reads it back; the second tells whether somebody changed it since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.targets.target import Target

__all__ = [
    "CROSSWALK",
    "EMPTIED",
    "IMPORTS",
    "REJECTS",
    "bookkeeping_ddl",
    "read_crosswalk",
    "read_rejects",
    "text_type",
]

CROSSWALK = "_portability_crosswalk"
REJECTS = "_portability_reject"
IMPORTS = "_portability_import"
# The kind of a line in the table of rejects whose row is loaded, with one column left empty for want of a parent.
EMPTIED = "emptied"

# Text that is compared byte by byte. MariaDB needs a bound for a key: 628 characters of 4 bytes are under its 3,072.
_TEXT = {
    "postgresql": 'text COLLATE "C"',
    "mariadb": "varchar({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    "sqlite": "TEXT",
    "duckdb": "VARCHAR",
}
_LONG = {"postgresql": "text", "mariadb": "longtext CHARACTER SET utf8mb4", "sqlite": "TEXT", "duckdb": "VARCHAR"}
_TABLES = {
    CROSSWALK: (
        "target_table {128} NOT NULL, canonical_id {500} NOT NULL, target_key {long} NOT NULL, row_md5 {32} NOT NULL, "
        "live_md5 {32}, origin {16} NOT NULL, import_id {32} NOT NULL, PRIMARY KEY (target_table, canonical_id)"
    ),
    REJECTS: (
        "target_table {128} NOT NULL, canonical_id {500} NOT NULL, kind {32} NOT NULL, column_name {128}, "
        "reason {long}, import_id {32} NOT NULL"
    ),
    IMPORTS: (
        "import_id {32} NOT NULL PRIMARY KEY, archive_id {64} NOT NULL, profile {128} NOT NULL, state {16} NOT NULL, "
        "started_at {32} NOT NULL, finished_at {32}, previous_id {64}, summary {long}"
    ),
}
_REJECT_COLUMNS = ("target_table", "canonical_id", "kind", "column_name", "reason")
_CROSSWALK_COLUMNS = ("canonical_id", "target_key", "row_md5", "live_md5", "origin")


def text_type(dbms: str, length: int) -> str:
    """Return the native type of a text that is compared byte by byte, as the crosswalk's own columns are."""
    return _TEXT[dbms].format(length=length)


def bookkeeping_ddl(target: Target) -> list[str]:
    """Return the statements that create the three tables where they are not there yet."""
    return [
        f"CREATE TABLE IF NOT EXISTS {target.quote(name)} ({_filled(columns, target.dbms)})"
        for name, columns in _TABLES.items()
    ]


def _filled(columns: str, dbms: str) -> str:
    text = columns.replace("{long}", _LONG[dbms])
    for length in (16, 32, 64, 128, 500):
        text = text.replace(f"{{{length}}}", _TEXT[dbms].format(length=length))
    return text


def read_crosswalk(
    target: Target, table: str, limits: Limits = DEFAULT_LIMITS, *, only: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a table's lines in the order of ``canonical_id``, a page at a time.

    Columns: canonical_id, target_key, row_md5, live_md5, origin; all text.

    Args:
        target: Has the crosswalk.
        table: A loaded table.
        limits: Rows of a page.
        only: A table of target_table and canonical_id: the lines that are wanted.
    """
    columns = ", ".join(f"x.{name}" for name in _CROSSWALK_COLUMNS)
    wanted = f" JOIN {target.quote(only)} AS i USING (target_table, canonical_id)" if only else ""
    schema = pa.schema([(name, pa.string()) for name in _CROSSWALK_COLUMNS])
    last: str | None = None
    while True:
        after = "" if last is None else f" AND x.canonical_id > {target.text(last)}"
        page = target.query(
            f"SELECT {columns} FROM {target.quote(CROSSWALK)} AS x{wanted} "
            f"WHERE x.target_table = {target.text(table)}{after} "
            f"ORDER BY x.canonical_id LIMIT {limits.crosswalk_page_rows}",
            place=CROSSWALK,
        )
        if not page.num_rows:
            return
        yield from page.cast(schema).to_batches()
        last = page.column(0)[-1].as_py()
        if page.num_rows < limits.crosswalk_page_rows:
            return


def read_rejects(target: Target) -> pa.Table:
    """Return the rejects of the last import: target_table, canonical_id, kind, column_name, reason; all text."""
    columns = ", ".join(_REJECT_COLUMNS)
    found = target.query(
        f"SELECT {columns} FROM {target.quote(REJECTS)} WHERE kind <> '{EMPTIED}' ORDER BY {columns}", place=REJECTS
    )
    return found.cast(pa.schema([(name, pa.string()) for name in _REJECT_COLUMNS]))
