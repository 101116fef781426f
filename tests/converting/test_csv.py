"""CSV read back by DuckDB, which tells nothing from an empty text, and validated by frictionless-py."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest
from frictionless import Package

from tests.converting.conftest import Convert

if TYPE_CHECKING:
    from tests.converting.conftest import Written


def read(path: Path) -> list[dict[str, str | None]]:
    """Read every cell as text: nothing is null, "" is the empty text."""
    with duckdb.connect() as engine:
        options = "header=true, all_varchar=true, quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false"
        relation = engine.sql(
            f"SELECT * FROM read_csv('{path}', {options}, auto_detect=false, delim=',', columns={{{_columns(path)}}})"
        )
        assert relation is not None
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _columns(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as text:
        return ", ".join(f"'{name}': 'VARCHAR'" for name in next(csv.reader(text)))


def test_csv_awkward_values_read_back_exactly(write_awkward: Callable[..., Written]) -> None:
    """Every cell says what the table held, a null apart from an empty text, a formula as it was."""
    rows = read(write_awkward("csv").folder / "awkward.csv")
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    assert columns["big"] == [
        "9223372036854775807",
        "-9223372036854775808",
        "999999999999999",
        "1000000000000000",
        None,
    ]
    assert columns["unsigned"][0] == "18446744073709551615"
    assert columns["money"] == ["999999999999999.9999", "-0.0100", "12345678901.2345", "0.0000", None]
    assert columns["wide"] == [
        "12345678901234567890123456.7890123456",
        "0.0000000001",
        "0.0000000000",
        None,
        "-1.5000000000",
    ]
    assert [float(text) for text in columns["double"][:2]] == [0.1, 1e300]
    assert columns["double"][2:4] == ["NaN", "-INF"]
    assert math.isclose(float(columns["double"][4]), 1 / 3, rel_tol=0)
    assert columns["flag"] == ["true", "false", None, "true", "false"]
    assert columns["day"] == ["1899-12-31", "1900-02-28", "1900-03-01", "9999-12-31", None]
    assert columns["local"][:3] == ["2024-02-29T12:00:00", "2024-02-29T12:00:00.000001", "1848-02-29T12:00:00"]
    assert columns["instant"][:2] == ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.500000Z"]
    assert columns["clock"][:2] == ["23:59:59", "00:00:00.000001"]
    assert columns["span"][:2] == [str(-838 * 3600 * 10**6), "1"]
    assert columns["text"] == ["=1+1", "", None, 'a "quoted",\nline', "@SUM(A1)|cmd"]
    assert columns["odd"] == ["e\u0301 😀 \u202etrap", "tab\there", "_x000D_", "a\r\nb", " padded "]
    assert columns["bytes"] == ["AP8=", "", None, "PTE=", "eA=="]
    assert columns["key"][1] == "00000000-0000-0000-0000-000000000001"
    assert columns["object"] == ['{"a": 1}', "[]", None, "1.10", '"x"']
    assert json.loads(columns["long__file"][0]) == {"sha256": "aa", "size_bytes": 7}


def test_csv_is_rfc_4180(write_awkward: Callable[..., Written]) -> None:
    """CRLF after every record, a header, UTF-8 without a mark, texts in quotes, a null as nothing."""
    content = (write_awkward("csv").folder / "awkward.csv").read_bytes()
    assert content.startswith(b'"id","big"')
    assert content.endswith(b"\r\n")
    assert b',"=1+1",' in content
    assert content.count(b'"",') >= 1


def test_csv_says_what_most_readers_lose(write_awkward: Callable[..., Written]) -> None:
    """Empty texts beside nulls and what looks like a formula are counted where they stand."""
    written = write_awkward("csv")
    assert "most readers take both for null" in written.remarks("Awkward.text")
    assert "formula" in written.remarks("Awkward.text")
    assert written.remarks("Awkward.money") == ""


def test_csv_awkward_package_validates(write_awkward: Callable[..., Written]) -> None:
    """The description fits even the strangest values."""
    report = Package(str(write_awkward("csv").folder / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "fieldName", "note"])


@pytest.mark.slow
def test_csv_practice_validates_in_full_and_keeps_every_row(converted: Convert, practice: Path) -> None:
    """frictionless-py checks hashes, types, required fields, keys and references of every table, without a warning."""
    done = converted("csv")
    report = Package(str(done.out / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "fieldName", "note"])
    assert report.stats["warnings"] == 0
    files = list((practice / "data/tables").glob("*.parquet"))
    assert report.stats["tasks"] == len(files)
    assert done.report.counts["rows"] == sum(pq.read_metadata(path).num_rows for path in files)
    bills = {row["id"]: row["gross_total"] for row in read(done.out / "bill.csv")}
    table = pq.read_table(practice / "data/tables/bill.parquet", columns=["id", "gross_total"]).to_pylist()
    assert bills == {row["id"]: str(row["gross_total"]) for row in table}


def test_csv_only_some_tables_validates_without_the_others(converted: Convert) -> None:
    """References to tables that are not there are left out."""
    done = converted("csv", only=("bill", "BILL_LINE"))
    assert {path.name for path in done.out.glob("*.csv")} == {"bill.csv", "bill_line.csv"}
    assert Package(str(done.out / "datapackage.json")).validate().valid


@pytest.mark.slow
def test_csv_source_layer_validates(converted: Convert) -> None:
    """The old system's own tables, by their own names and keys."""
    done = converted("csv", layer="source")
    assert Package(str(done.out / "datapackage.json")).validate().valid
    assert (done.out / "main.ct_mast.csv").is_file()
