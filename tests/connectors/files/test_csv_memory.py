"""Memory to read a delimited file is bounded by configuration: Arrow's own reader runs 32 blocks ahead of its user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from portability.connectors.files_csv import Format, read_rows
from portability.limits import DEFAULT_LIMITS

MIB = 1024 * 1024


def test_rows_are_read_in_pieces_whatever_the_length_of_the_file(tmp_path: Path) -> None:
    """Of 4 MiB, Arrow never holds more than a few pieces of 64 KiB."""
    lines = 4 * MIB // 36
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b'"Ann Owen",Attendance on the client\n' * lines)
    limits = replace(DEFAULT_LIMITS, csv_compared_bytes=64 * 1024)
    pool = pa.default_memory_pool()
    before, most, rows = pool.bytes_allocated(), 0, 0
    for table in read_rows(tmp_path / "t.csv", Format(), ["a", "b"], limits, place="t.csv"):
        rows += table.num_rows
        most = max(most, pool.bytes_allocated() - before)
    assert rows == lines
    assert most < MIB
