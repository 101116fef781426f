"""Rows of an engine's table in an order, however long their texts are.

The engine's own sort holds the texts of all rows in memory. Where they are many bytes together it sorts only the rows'
numbers; the rows then come as they lie, are sorted in runs that lie in a file, and the runs are merged.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from portability.duck import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from portability.limits import Limits

__all__ = ["SortedQuery", "iter_sorted", "text_terms"]

_Blocks = list[tuple[int, int]]
_SIZED = {"VARCHAR": "strlen", "JSON": "strlen", "BLOB": "octet_length"}
_BLOCK_BYTES = 64 * 1024  # of a run: what is read of each at least while they are merged
_NUMBERED_ROWS = 100_000
_PREFIX = 64  # characters of a text that order it; equal ones are told apart by a hash of the whole


def text_terms(value: str) -> str:
    """SQL to order texts of any length by: their beginning, then a hash of them; the values alone decide."""
    return f"left({value}, {_PREFIX}) NULLS FIRST, md5({value})"


@dataclass(frozen=True, kw_only=True)
class SortedQuery:
    """Rows of a stored table in an order, in the engine's SQL.

    Attributes:
        table: What stands behind FROM: a stored table, no view, with another name for it or none.
        select: The columns, named one by one.
        where: A condition, or nothing.
        order: The terms; no text among them may be long.
    """

    table: str
    select: str
    where: str = ""
    order: str


def iter_sorted(
    engine: duckdb.DuckDBPyConnection, query: SortedQuery, *, rows: int, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Yield rows in order, in batches of at most ``rows``; batches of long rows have fewer.

    The engine must have a place to spill to, and nothing else may use this cursor meanwhile.

    Raises:
        duckdb.Error: The SQL fails, or takes more memory than the engine has.
        OSError: The rows cannot be put down while they are sorted.
    """
    table, select = query.table, query.select
    kept = f" WHERE {query.where}" if query.where else ""
    count, size = _measured(engine, table)
    if size <= limits.sorted_bytes:
        yield from engine.sql(f"SELECT {select} FROM {table}{kept} ORDER BY {query.order}").to_arrow_reader(rows)
        return
    piece = limits.sorted_bytes // 4
    with tempfile.NamedTemporaryFile(dir=_scratch(engine), prefix="sorted_", suffix=".arrow") as file:
        numbered = quote(Path(file.name).stem)
        _number(engine, f"SELECT rowid FROM {table}{kept} ORDER BY {query.order}", numbered)
        joined = f"{table} JOIN (SELECT r AS sorted_r, n AS sorted_n FROM {numbered}) AS s ON rowid = s.sorted_r"
        found = engine.sql(f"SELECT s.sorted_n, {select} FROM {joined}")
        blocks = _write_runs(found.to_arrow_reader(max(1, min(rows, piece * count // size))), file.name, piece)
        engine.execute(f"DROP TABLE {numbered}")
        if blocks:
            yield from _merged(file.name, blocks, max(1, min(rows, piece // 2 * count // size)))


def _number(engine: duckdb.DuckDBPyConnection, ordered: str, table: str) -> None:
    """Keep the place of each row in a new table: ``r`` is the row, ``n`` its number from 0."""
    done = 0
    with engine.cursor() as writer:
        writer.execute(f"CREATE TABLE {table} (r BIGINT, n BIGINT)")
        for batch in engine.sql(ordered).to_arrow_reader(_NUMBERED_ROWS):
            numbers = pa.array(np.arange(done, done + batch.num_rows))
            writer.register("numbered_rows", pa.table({"r": batch.column(0), "n": numbers}))
            writer.execute(f"INSERT INTO {table} SELECT r, n FROM numbered_rows")
            done += batch.num_rows


def _scratch(engine: duckdb.DuckDBPyConnection) -> Path:
    return Path(engine.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]).parent


def _measured(engine: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    """How many rows a table has, and how many bytes its texts have together; what is no text is short."""
    described = engine.execute(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {table})").fetchall()
    names = [(_SIZED[kind], quote(name)) for name, kind in described if kind in _SIZED]
    sums = " + ".join(f"coalesce(sum({function}({name})), 0)" for function, name in names)
    count, size = engine.execute(f"SELECT count(*), {sums or 0} FROM {table}").fetchall()[0]
    return int(count), int(size)


def _write_runs(reader: pa.RecordBatchReader, path: str, run_bytes: int) -> _Blocks:
    """Write the rows in sorted runs of about so many bytes; return the first and last number of each block."""
    blocks: _Blocks = []
    pending: list[pa.RecordBatch] = []
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, reader.schema) as writer:
        for batch in reader:
            pending.append(batch)
            if sum(each.nbytes for each in pending) >= run_bytes:
                blocks += _write_run(writer, pa.Table.from_batches(pending))
                pending = []
        if pending:
            blocks += _write_run(writer, pa.Table.from_batches(pending))
    return blocks


def _write_run(writer: pa.RecordBatchFileWriter, run: pa.Table) -> _Blocks:
    run = run.take(pc.sort_indices(run.column(0))).combine_chunks()
    rows = max(1, run.num_rows * _BLOCK_BYTES // max(1, run.nbytes))
    blocks = []
    for batch in run.to_batches(max_chunksize=rows):
        writer.write_batch(batch)
        blocks.append((batch.column(0)[0].as_py(), batch.column(0)[-1].as_py()))
    return blocks


def _merged(path: str, blocks: _Blocks, page: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all runs by their numbers, which have no gap, a page of rows at a time."""
    first, last = np.array(blocks, np.int64).T
    with pa.OSFile(path, "rb") as file:
        stored = pa.ipc.open_file(file)
        for start in range(0, int(last.max()) + 1, page):
            found = []
            for index in np.flatnonzero((first < start + page) & (last >= start)):
                batch = stored.get_batch(int(index))
                number = batch.column(0)
                found.append(batch.filter(pc.and_(pc.greater_equal(number, start), pc.less(number, start + page))))
            rows = pa.Table.from_batches(found)
            rows = rows.take(pc.sort_indices(rows.column(0))).drop_columns(rows.column_names[0])
            yield from rows.combine_chunks().to_batches()
