"""What a source's declaration still promises about the file: values may have become files or exceptions meanwhile.

A declared NOT NULL or key holds in the source; in the archive it holds only for columns that have all their values.
"""

from __future__ import annotations

from collections.abc import Sequence

from portability.manifest import Column, ControlTotals, Table, TableTotals

__all__ = ["are_values", "is_always_present", "totals_of"]


def totals_of(totals: ControlTotals | None, table: Table) -> TableTotals | None:
    """Return the control totals of one table; None when there are none."""
    if totals is None:
        return None
    return next((each for each in totals.tables if (each.schema, each.name) == (table.schema, table.name)), None)


def are_values(table: Table, columns: Sequence[str]) -> bool:
    """Tell whether all these columns are in the file with their values themselves."""
    carried = {column.name for column in table.columns if column.carried == "value"}
    return bool(table.file) and bool(columns) and carried.issuperset(columns)


def is_always_present(table: Table, column: Column, totals: TableTotals | None) -> bool:
    """Tell whether a column that may not be null in the source is not null in the file either.

    A primary key's column counts as declared not null: some sources do not say it, and one of them (SQLite) does not
    mean it, which the totals tell.
    """
    in_key = table.primary_key is not None and column.name in table.primary_key.columns
    if column.carried != "value" or (column.nullable and not in_key):
        return False
    counted = next((each for each in totals.columns if each.name == column.name), None) if totals else None
    return totals is None or (counted is not None and counted.non_null - counted.excepted == totals.rows)
