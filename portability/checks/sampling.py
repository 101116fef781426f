"""Counting rows that break something, with the first few of them; memory does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Sample", "sample"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How many rows a query has, and the lowest values of its first column."""

    count: int
    examples: tuple[str, ...]


def sample(connection: duckdb.DuckDBPyConnection, sql: str, examples_max: int) -> Sample:
    """Run a query for its number of rows and the lowest values of its first column, which need not be different.

    Raises:
        duckdb.Error: The query cannot be run.
    """
    # min(x, n) keeps n values while it runs, unlike a sort or a list.
    lowest = f"min(example, {examples_max})"
    (row,) = connection.execute(f"SELECT count(*), {lowest} FROM (\n{sql}\n) AS broken(example)").fetchall()
    return Sample(count=int(row[0]), examples=tuple(str(each) for each in row[1] or ()))
