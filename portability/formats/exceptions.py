"""The exceptions ledger in groups: which column, why, how many, and whose rows for example; never a value.

However many exceptions there are, a group is one line: there are as many as columns and reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from portability.errors import FormatError
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ExceptedGroup", "group_exceptions"]

_GROUPS = """SELECT table_schema, table_name, column_name, reason, native_type, count(*) AS n,
 list_distinct(min(row_key, {keys})) AS keys FROM {ledger}
 GROUP BY ALL ORDER BY table_schema, table_name, column_name, reason, native_type"""


@dataclass(frozen=True, kw_only=True)
class ExceptedGroup:
    """Exceptions of one column for one reason; ``keys`` are those of some of their rows, as the ledger has them."""

    schema: str
    table: str
    column: str
    reason: str
    native_type: str
    count: int
    keys: tuple[str, ...]

    @property
    def place(self) -> str:
        """The column, for people."""
        return f"{self.table}.{self.column}"


def group_exceptions(engine: duckdb.DuckDBPyConnection, ledger: Path, *, keys_max: int) -> tuple[ExceptedGroup, ...]:
    """Group a ledger by column and reason, with at most ``keys_max`` keys each, the least by their text.

    Raises:
        FormatError: It cannot be read.
    """
    try:
        rows = engine.execute(_GROUPS.format(keys=keys_max, ledger=scan_sql(ledger))).fetchall()
    except duckdb.Error as error:
        raise FormatError(f"cannot be read: {type(error).__name__}", place="reports/exceptions.parquet") from error
    return tuple(
        ExceptedGroup(
            schema=schema,
            table=table,
            column=column,
            reason=reason,
            native_type=native_type,
            count=int(count),
            # A table without a key has no keys to name.
            keys=tuple(sorted(key for key in keys if key != "[]")),
        )
        for schema, table, column, reason, native_type, count, keys in rows
    )
