"""Control totals recomputed from a Parquet file, in the normal form that a source's own SQL gives them.

What a column's totals are is decided by the Arrow type of the file. Every figure is exact or absent, and comes from the
rows themselves, never from what the file says of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import FormatError
from portability.figures import Figure, aggregated, figures_of, hidden
from portability.manifest import ColumnTotals, Table, TableTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Scan = Callable[[Sequence[str]], str]

__all__ = ["difference", "recompute_totals", "relation_totals", "scan_sql"]

# Each column read at once holds a page of its own: wide tables are read in stripes, so that memory stays bounded.
COLUMNS_PER_QUERY = 128
_FILE_TYPE = pa.struct(
    [pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())]
)  # a <column>__file sidecar


def recompute_totals(
    connection: duckdb.DuckDBPyConnection,
    parquet_path: Path,
    table: Table,
    *,
    excepted: Mapping[str, int] | None = None,
) -> TableTotals:
    """Compute the control totals of a source table from its Parquet file.

    Args:
        connection: A DuckDB connection that may read the file.
        parquet_path: The table's file.
        table: Says which columns are carried.
        excepted: Values of each column that stand in the exceptions ledger; they count as not null.

    Raises:
        FormatError: The file cannot be read, or lacks a carried column.
    """
    carried = [column.name for column in table.columns if column.carried != "excluded"]
    try:
        schema = pq.read_schema(parquet_path)
        stripes = _stripes(connection, lambda aliases: scan_sql(parquet_path, aliases), schema, carried)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # The libraries quote values in their messages; the kind of failure is enough.
        raise FormatError(f"cannot be read: {type(error).__name__}", place=table.label) from error
    columns = tuple(_with_excepted(each, excepted or {}) for _, totals in stripes for each in totals)
    return TableTotals(schema=table.schema, name=table.name, rows=stripes[0][0], columns=columns)


def relation_totals(
    connection: duckdb.DuckDBPyConnection, relation: str, schema: pa.Schema, table: Table
) -> TableTotals:
    """Compute control totals of a relation in the engine, such as a table of its own.

    Args:
        connection: A DuckDB connection.
        relation: SQL of the relation, its columns in the order of ``schema``.
        schema: What each column holds, in Arrow's words; its names are the totals'.
        table: Whose totals they are.
    """
    stripes = _stripes(
        connection,
        lambda aliases: f"{relation} AS t({', '.join(aliases)})" if aliases else relation,
        schema,
        schema.names,
    )
    columns = tuple(each for _, totals in stripes for each in totals)
    return TableTotals(schema=table.schema, name=table.name, rows=stripes[0][0], columns=columns)


def _stripes(
    connection: duckdb.DuckDBPyConnection, scan: Scan, schema: pa.Schema, names: Sequence[str]
) -> list[tuple[int, list[ColumnTotals]]]:
    return [
        _stripe(connection, scan, schema, names[start : start + COLUMNS_PER_QUERY])
        for start in range(0, max(1, len(names)), COLUMNS_PER_QUERY)
    ]


def difference(claimed: TableTotals, found: TableTotals) -> tuple[str, ...]:
    """Name each figure on which two totals of one table disagree: ``rows`` or ``column.figure``."""
    wrong = ["rows"] if claimed.rows != found.rows else []
    ours = {column.name: column for column in found.columns}
    for column in claimed.columns:
        match = ours.pop(column.name, None)
        if match is None:
            wrong.append(f"{column.name} (not in the file)")
            continue
        wrong += [f"{column.name}.{figure}" for figure in _FIGURES if getattr(column, figure) != getattr(match, figure)]
    return (*wrong, *(f"{name} (no totals)" for name in ours))


_FIGURES = ("non_null", "excepted", "sum", "minimum", "maximum", "true", "size_bytes")


def scan_sql(path: Path, columns: Sequence[str] = (), *, row_number: bool = False) -> str:
    """Return the FROM item that reads one Parquet file.

    Args:
        path: The file. A name that looks like a pattern is taken as it stands, because the file exists.
        columns: New names for the file's columns by position; only so are names that differ by case told apart.
        row_number: Add ``file_row_number``, which counts from 0.
    """
    quoted = str(path).replace("'", "''")
    options = ", file_row_number=true" if row_number else ""
    # A directory called a=b above the archive must not become a column.
    scan = f"read_parquet('{quoted}', hive_partitioning=false{options})"
    return f"{scan} AS t({', '.join(columns)})" if columns else scan


def _with_excepted(totals: ColumnTotals, excepted: Mapping[str, int]) -> ColumnTotals:
    count = excepted.get(totals.name, 0)
    return replace(totals, non_null=totals.non_null + count, excepted=count)


def _stripe(
    connection: duckdb.DuckDBPyConnection, scan: Scan, schema: pa.Schema, names: Sequence[str]
) -> tuple[int, list[ColumnTotals]]:
    """Measure some of a file's columns in one pass; return the number of rows and each column's totals."""
    wanted = [(name, figure) for name in names for figure in _column_figures(schema, name)]
    select = ", ".join(["count(*)", *(figure.sql for _, figure in wanted)])
    aliases = [f"c{position}" for position in range(len(schema))]
    used = [_position(schema, each) for name in names for each in (name, f"{name}__file")]
    values = ", ".join(f"{_aggregated(schema.field(p).type, f'c{p}')} AS c{p}" for p in used if p is not None)
    source = f"(SELECT {values} FROM {scan(aliases)})" if values else scan(())
    (row,) = connection.execute(f"SELECT {select} FROM {source}").fetchall()
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for (name, figure), value in zip(wanted, row[1:], strict=True):
        found[name][figure.name] = None if value is None else figure.render(value)
    return int(row[0]), [ColumnTotals(name=name, **figures) for name, figures in found.items()]


def _position(schema: pa.Schema, name: str) -> int | None:
    positions = schema.get_all_field_indices(name)
    return int(positions[0]) if positions else None


def _aggregated(kind: pa.DataType, value: str) -> str:
    """SQL of what is aggregated in place of a value; of a value in a file, its length."""
    return hidden(f"{value}.size_bytes") if kind.equals(_FILE_TYPE) else aggregated(kind, value)


def _column_figures(schema: pa.Schema, name: str) -> list[Figure]:
    position, file = _position(schema, name), _position(schema, f"{name}__file")
    if position is None:
        raise FormatError(f"column {name} is not in the file")
    figures = figures_of(schema.field(position).type, f"c{position}")
    if file is None:
        return figures
    # Values in files count and weigh too.
    more = {"non_null": f" + count(c{file})", "size_bytes": f" + coalesce(sum(c{file}), 0)"}
    return [figure._replace(sql=figure.sql + more.get(figure.name, "")) for figure in figures]
