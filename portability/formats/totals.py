"""Control totals recomputed from a Parquet file, in the normal form that a source's own SQL gives them.

What a column's totals are is decided by the Arrow type of the file, never by DuckDB's view of it: DuckDB shows a
duration as an integer and a dictionary as text. Every figure is exact or absent, and comes from the rows themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import FormatError
from portability.manifest import ColumnTotals, Table, TableTotals
from portability.totals import date_text, normal_float, normal_number, time_text, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Render = Callable[[Any], Any]
    Aggregate = tuple[str, str, Render]
    Scan = Callable[[Sequence[str]], str]

__all__ = ["difference", "recompute_totals", "relation_totals", "scan_sql"]

# Each column read at once holds a page of its own: wide tables are read in stripes, so that memory stays bounded.
COLUMNS_PER_QUERY = 128
# A sum of 10**10 decimals of this precision fits DuckDB's 38 digits; wider ones are summed in two halves.
_SUMMABLE_PRECISION = 28
_HALF = 10**19
_FILE_TYPE = pa.struct(
    [pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())]
)  # a <column>__file sidecar
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


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
    wanted = [(name, aggregate) for name in names for aggregate in _column_aggregates(schema, name)]
    select = ", ".join(["count(*)", *(sql for _, (_, sql, _) in wanted)])
    aliases = [f"c{position}" for position in range(len(schema))]
    used = [_position(schema, each) for name in names for each in (name, f"{name}__file")]
    probes = ", ".join(f"{_probe(schema.field(p).type, aliases[p])} AS {aliases[p]}" for p in used if p is not None)
    source = f"(SELECT {probes} FROM {scan(aliases)})" if probes else scan(())
    (row,) = connection.execute(f"SELECT {select} FROM {source}").fetchall()
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for (name, (figure, _, render)), value in zip(wanted, row[1:], strict=True):
        found[name][figure] = None if value is None else render(value)
    return int(row[0]), [ColumnTotals(name=name, **figures) for name, figures in found.items()]


def _position(schema: pa.Schema, name: str) -> int | None:
    positions = schema.get_all_field_indices(name)
    return int(positions[0]) if positions else None


def _probe(kind: pa.DataType, value: str) -> str:
    """SQL of what is aggregated in place of a value: its length where that is all that counts, else the value itself.

    DuckDB answers min, max and count from the file's own statistics when it can, and those know no NaN and may lie. An
    element of a list has no statistics, so that the rows themselves are read.
    """
    if kind.equals(_FILE_TYPE):
        return f"list_value({value}.size_bytes)[1]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list_value(len({value}))[1]"
    if _is_text(kind):
        return f"list_value(strlen(CAST({value} AS VARCHAR)))[1]"
    if _is_bytes(kind):
        return f"list_value(octet_length({value}))[1]"
    return value if pa.types.is_nested(kind) else f"list_value({value})[1]"


def _column_aggregates(schema: pa.Schema, name: str) -> list[Aggregate]:
    position, file = _position(schema, name), _position(schema, f"{name}__file")
    if position is None:
        raise FormatError(f"column {name} is not in the file")
    kind, value = schema.field(position).type, f"c{position}"
    count = f"count({value})" + (f" + count(c{file})" if file is not None else "")
    aggregates: list[Aggregate] = [("non_null", count, int)]
    if _is_bytes(kind) or (_is_text(kind) and not pa.types.is_dictionary(kind)):
        more = f" + coalesce(sum(c{file}), 0)" if file is not None else ""
        return [*aggregates, ("size_bytes", f"coalesce(sum({value}), 0){more}", int)]
    return aggregates + _ordered(kind, value)


def _is_text(kind: pa.DataType) -> bool:
    """Tell whether values are text to the engine; a dictionary is, but only its count is compared."""
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.JsonType)
    return bool(is_text or (pa.types.is_dictionary(kind) and _is_text(kind.value_type)))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _ordered(kind: pa.DataType, value: str) -> list[Aggregate]:
    """The totals of types that have no size; none for types of which only the count is compared."""
    if pa.types.is_boolean(kind):
        return [("true", f"count(*) FILTER (WHERE {value})", int)]
    if pa.types.is_integer(kind):
        return [("sum", f"sum({value})", str), *_bounds(value, str)]
    if pa.types.is_decimal(kind):
        return [_decimal_sum(kind, value), *_bounds(value, _number)]
    if pa.types.is_floating(kind):
        return _bounds(value, normal_float, only="NOT isnan({0})")
    return _temporal(kind, value)


def _temporal(kind: pa.DataType, value: str) -> list[Aggregate]:
    if pa.types.is_date(kind):
        return _bounds(value, date_text, wrap="date_diff('day', DATE '1970-01-01', {0})")
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        text = timestamp_text if pa.types.is_timestamp(kind) else time_text
        if kind.unit == "ns":
            return _bounds(value, lambda count: f"{text(count // 1000)}{count % 1000:03d}", wrap="epoch_ns({0})")
        return _bounds(value, text, wrap="epoch_us({0})")
    if pa.types.is_duration(kind):
        return _bounds(value, lambda count: str(_microseconds(count, kind.unit)))
    return []


def _bounds(value: str, render: Render, *, wrap: str = "{0}", only: str = "") -> list[Aggregate]:
    condition = f" FILTER (WHERE {only.format(value)})" if only else ""
    return [
        ("minimum", wrap.format(f"min({value}){condition}"), render),
        ("maximum", wrap.format(f"max({value}){condition}"), render),
    ]


def _decimal_sum(kind: pa.DataType, value: str) -> Aggregate:
    if kind.precision <= _SUMMABLE_PRECISION:
        return ("sum", f"sum({value})", _number)
    unscaled = f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
    halves = f"CASE WHEN count({value}) > 0 THEN [sum({unscaled} // {_HALF}), sum({unscaled} % {_HALF})] END"
    return ("sum", halves, lambda found: normal_number(f"{found[0] * _HALF + found[1]}E-{kind.scale}"))


def _number(value: Any) -> str:  # noqa: ANN401 -- a Decimal, from the driver
    return normal_number(str(value))


def _microseconds(count: int, unit: str) -> int:
    return count // 1_000 if unit == "ns" else count * _MICROSECONDS[unit]
