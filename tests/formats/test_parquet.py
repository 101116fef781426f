"""Tables as Parquet: the bytes follow the rows, and readers that trust the footer find every row."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.formats.parquet import engine_limits, write_parquet
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

SMALL = replace(DEFAULT_LIMITS, row_group_mask_bits=6, row_group_rows_min=16, row_group_rows_max=256)


def _table(rows: int) -> pa.Table:
    rng = random.Random(1)
    return pa.table(
        {"id": pa.array(range(rows)), "text": pa.array([rng.choice("abc") * rng.randrange(40) for _ in range(rows)])}
    )


def test_parquet_bytes_do_not_depend_on_where_batches_end(tmp_path: Path) -> None:
    """One batch, many batches, empty batches: one file."""
    table, written = _table(5_000), set()
    for size in (5_000, 977, 64, 1):
        path = tmp_path / f"{size}.parquet"
        nothing = table.to_batches()[0].slice(0, 0)
        batches = [nothing, *table.to_batches(max_chunksize=size), nothing]
        write_parquet(path, table.schema, batches, key=["id"], limits=SMALL)
        written.add(path.read_bytes())
    assert len(written) == 1


def test_parquet_inserted_row_changes_its_own_group_only(tmp_path: Path) -> None:
    """Boundaries follow keys, not positions."""
    table = _table(5_000)
    without = pa.concat_tables([table.slice(0, 2_500), table.slice(2_501)])
    groups = []
    for name, rows in (("all", table), ("less", without)):
        write_parquet(tmp_path / name, rows.schema, rows.to_batches(), key=["id"], limits=SMALL)
        file = pq.ParquetFile(tmp_path / name)
        groups.append([file.read_row_group(number) for number in range(file.num_row_groups)])
    kept = sum(any(a.equals(b) for b in groups[1]) for a in groups[0])
    assert len(groups[0]) - kept == 1
    assert len(groups[0]) > 30


def test_parquet_groups_end_by_size_when_rows_are_wide(tmp_path: Path) -> None:
    """Memory follows the limit, not the rows."""
    table = pa.table({"id": pa.array(range(100)), "wide": pa.array(["x" * 100_000] * 100)})
    limits = replace(DEFAULT_LIMITS, row_group_bytes_max=1_000_000)
    write_parquet(tmp_path / "wide", table.schema, table.to_batches(), key=["id"], limits=limits)
    assert pq.ParquetFile(tmp_path / "wide").num_row_groups == 10


def test_parquet_floats_that_are_not_numbers_are_found_by_readers_that_trust_statistics(tmp_path: Path) -> None:
    """Statistics leave NaN out; a reader that believes them skips the row."""
    table = pa.table({"id": pa.array([1, 2, 3]), "f": pa.array([-2.5, float("nan"), -2.5])})
    write_parquet(tmp_path / "f.parquet", table.schema, table.to_batches(), key=["id"])
    found = duckdb.connect().execute(f"SELECT id FROM '{tmp_path}/f.parquet' WHERE isnan(f)").fetchall()
    assert found == [(2,)]


def test_engine_limits_of_long_rows_are_one_thread_and_what_is_no_file_is_left(tmp_path: Path) -> None:
    """Broken links, files that are no Parquet and short rows change nothing; long rows leave one thread."""
    for folder in ("source", "tables"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source/gone.parquet").symlink_to(tmp_path / "nowhere")
    (tmp_path / "source/none.parquet").write_bytes(bytes(300_000))
    pq.write_table(pa.table({"n": range(300_000)}), tmp_path / "source/short.parquet")
    assert engine_limits(tmp_path, DEFAULT_LIMITS) == DEFAULT_LIMITS
    bodies = [random.Random(n).randbytes(20_000) for n in range(50)]
    pq.write_table(pa.table({"body": bodies}), tmp_path / "tables/note.parquet")
    assert engine_limits(tmp_path, DEFAULT_LIMITS) == replace(DEFAULT_LIMITS, duckdb_threads=1)
