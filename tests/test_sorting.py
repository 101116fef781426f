"""Rows in order, whether the engine sorts them whole or their numbers alone."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from portability.duck import open_engine
from portability.limits import DEFAULT_LIMITS
from portability.sorting import SortedQuery, iter_sorted, text_terms

NO_KEY = ", ".join(text_terms(name) for name in ("id", "body"))
TIGHT = replace(DEFAULT_LIMITS, duckdb_threads=1, sorted_bytes=64 * 1024)


def _rows(table: pa.Table, scratch: Path, query: SortedQuery, **limits: Any) -> list[pa.RecordBatch]:  # noqa: ANN401
    with open_engine(DEFAULT_LIMITS, scratch=scratch, folders=[scratch]) as engine:
        engine.register("given", table)
        engine.execute("CREATE TABLE m AS SELECT * FROM given")
        found = [*iter_sorted(engine, query, rows=500, limits=replace(TIGHT, **limits))]
        assert engine.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("m",)]
    assert [each.name for each in scratch.iterdir()] == ["scratch.duckdb"]
    (scratch / "scratch.duckdb").unlink()
    return found


@pytest.mark.parametrize("order", ["id NULLS FIRST, body", NO_KEY], ids=["key", "no key"])
@pytest.mark.parametrize("where", ["", "id > '5'", "id = 'nobody'"])
def test_rows_sorted_by_number_are_those_sorted_whole(tmp_path: Path, order: str, where: str) -> None:
    """The same rows in the same order, with nulls, doubled rows and texts that begin alike."""
    draw = random.Random(7)
    ids = [draw.choice([None, str(draw.randrange(900)), "é" * draw.randrange(90)]) for _ in range(4_000)]
    bodies = [draw.choice([None, "", "a" * draw.randrange(400), str(draw.random())]) for _ in range(4_000)]
    table = pa.table({"id": pa.array(ids, pa.string()), "body": pa.array(bodies, pa.string())})
    query = SortedQuery(table="m", select="id, body", where=where, order=order)
    whole = _rows(table, tmp_path, query, sorted_bytes=10**9)
    pieces = _rows(table, tmp_path, query)
    schema = pa.schema([("id", pa.string()), ("body", pa.string())])
    assert pa.Table.from_batches(pieces, schema).equals(pa.Table.from_batches(whole, schema))
    assert where == "id = 'nobody'" or sum(each.num_rows for each in pieces) > 1_000
    assert max((each.num_rows for each in pieces), default=0) <= 500


def test_texts_of_more_bytes_than_the_engine_has_are_sorted(tmp_path: Path) -> None:
    """200 MB of notes in an engine of 160 MiB, which cannot sort them itself; batches stay short."""
    draw = random.Random(8)
    noise = draw.randbytes(200_000).hex()
    bodies = [noise[(start := draw.randrange(350_000)) : start + 20_000] for _ in range(10_000)]
    table = pa.table({"id": [f"{draw.random()}" for _ in bodies], "body": bodies})
    query = SortedQuery(table="m", select="id, body", order="id")
    found = _rows(table, tmp_path, query, sorted_bytes=DEFAULT_LIMITS.sorted_bytes)
    assert pa.Table.from_batches(found).equals(table.sort_by("id"))
    assert max(each.nbytes for each in found) < DEFAULT_LIMITS.sorted_bytes
