"""A source that is busy is read as slowly as its owner asks, and no value is another for it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.connectors.pace import Pace
from portability.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path


def _ledger(path: Path, rows: int) -> str:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE ledger (id INTEGER PRIMARY KEY, note TEXT)")
    connection.executemany("INSERT INTO ledger VALUES (?, 'x')", [(n,) for n in range(rows)])
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def test_pace_of_none_never_waits() -> None:
    """A rate of 0 is as fast as it goes."""
    pace, started = Pace(0), time.monotonic()
    pace.keep(10**9)
    assert time.monotonic() - started < 60  # at any rate it would be days


def test_read_at_a_rate_is_never_faster(tmp_path: Path) -> None:
    """Every batch is behind the clock: at no moment more rows than the rate allows, but for the batch at hand."""
    url, rate, batch = _ledger(tmp_path / "l.db", 2_000), 2_000, 250
    limits = Limits(read_rows_per_s=rate, batch_rows=batch)
    with open_connector(url, limits=limits).snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        assert snapshot.presume(table) is None  # one query at a time
        plan = snapshot.plan(table)
        started, rows = time.monotonic(), 0
        for read in snapshot.read(plan):
            rows += read.num_rows
            assert rows - batch <= rate * (time.monotonic() - started)
    assert rows == 2_000


@pytest.mark.slow
def test_export_at_a_rate_has_the_bytes_of_one_without(tmp_path: Path) -> None:
    """On the command line; it takes as long as the rate says."""
    url = _ledger(tmp_path / "l.db", 3_000)
    command = [sys.executable, "-c", "from portability.cli import main; main()", "export", url]
    subprocess.run([*command, str(tmp_path / "fast")], check=True, capture_output=True)
    started = time.monotonic()
    subprocess.run([*command, str(tmp_path / "slow"), "--rows-per-second", "2000"], check=True, capture_output=True)
    assert time.monotonic() - started > 1.5
    manifests = [(tmp_path / name / "manifest-sha256.txt").read_bytes() for name in ("fast", "slow")]
    assert manifests[0] == manifests[1]
