"""The page that ``bench.extract`` makes of its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from bench.extract_docs import Figures, Way, write_docs

if TYPE_CHECKING:
    from pathlib import Path


def _way(name: str, *seconds: float, verdict: str = "exact") -> Way:
    median = sorted(seconds)[len(seconds) // 2] if seconds else 0
    return Way(
        way=name,
        seconds=list(seconds),
        median_s=median,
        times_floor=median / 2,
        times_ours=median / 4,
        peak_mib=100,
        verdict=verdict,
    )


def test_bench_docs_of_a_run_have_a_row_for_each_way_and_a_bar_for_each_that_ran(tmp_path: Path) -> None:
    """A way that could not run says why; one that changes values is marked as such in table and plot."""
    ways = [
        _way("floor", 2.0, 1.9, 2.2, verdict="-"),
        _way("ours", 4.0, 3.9, 4.4),
        _way("pandas", 16.0, verdict="debit: decimal as double"),
        _way("duckdb", verdict="not here: <no extension> | none"),
    ]
    figures = Figures(
        rows=5000,
        rounds=3,
        taken="2026-11-22",
        machine="2 cores",
        load_before=0.1,
        load_after=1.9,
        versions={"pyarrow": "1.0"},
        dbms={"postgresql": ways},
    )
    write_docs(figures, tmp_path)
    rows = [line for line in (tmp_path / "extract.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["floor", "**ours**", "pandas", "duckdb"]
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows)
    assert "2.00" in rows[3]
    plot = ET.fromstring((tmp_path / "extract.svg").read_text(encoding="utf-8"))  # noqa: S314 -- our own
    texts = [element.text for element in plot.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["PostgreSQL", "floor", "1.00", "ours", "2.00", "pandas", "8.00  not exact"]
