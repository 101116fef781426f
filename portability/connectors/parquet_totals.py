"""Control totals of a Parquet column by DuckDB's own reader, for sources that are Parquet files."""

from __future__ import annotations

import pyarrow as pa

from portability.figures import Figure, aggregated, figures_of, is_sized

__all__ = ["totals_sql"]


def totals_sql(carried: pa.DataType, name: str, kind: pa.DataType) -> list[Figure]:
    """Return each figure of a column, with the length of its longest value where values may become files.

    Args:
        carried: The column's type in the archive.
        name: Its name in the SQL.
        kind: Its type in the file.
    """
    value = aggregated(kind, name)
    figures = figures_of(kind, value)
    if carried != kind:
        return figures[:1]  # how many there are
    # A UUID or JSON never becomes a file.
    if is_sized(kind) and not isinstance(kind, pa.BaseExtensionType):
        figures.append(Figure("longest", f"max({value})", int))
    return figures
