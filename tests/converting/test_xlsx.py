"""Workbooks read back by openpyxl, and opened by LibreOffice."""

from __future__ import annotations

import csv
import datetime as dt
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl.utils.escape import unescape

from tests.conftest import lacking
from tests.converting.conftest import Convert

if TYPE_CHECKING:
    from tests.converting.conftest import Written


def cells(path: Path, sheet: str) -> dict[str, list[Any]]:
    """A sheet's columns by their heading."""
    book = openpyxl.load_workbook(path)
    rows = list(book[sheet].iter_rows(values_only=True))
    return {str(name): list(column) for name, column in zip(rows[0], zip(*rows[1:], strict=True), strict=True)}


def test_xlsx_awkward_values_are_exact_numbers_dates_or_text(write_awkward: Callable[..., Written]) -> None:
    """What Excel can hold is typed; what it would round or shift is text that says exactly the same."""
    found = cells(write_awkward("xlsx").folder / "archive.xlsx", "Awkward")
    assert found["big"] == ["9223372036854775807", "-9223372036854775808", 10**15 - 1, "1000000000000000", None]
    assert found["unsigned"] == ["18446744073709551615", 0, 1, None, "1000000000000000"]
    assert found["money"] == ["999999999999999.9999", -0.01, 12345678901.2345, 0, None]
    assert found["wide"] == ["12345678901234567890123456.7890123456", 1e-10, 0, None, -1.5]
    assert found["double"][:4] == [0.1, 1e300, "nan", "-inf"]
    assert found["double"][4] in {1 / 3, repr(1 / 3)}
    assert found["flag"] == [True, False, None, True, False]
    assert found["day"][:2] == ["1899-12-31", "1900-02-28"]
    assert [value.date() for value in found["day"][2:4]] == [dt.date(1900, 3, 1), dt.date(9999, 12, 31)]
    noon = dt.datetime(2024, 2, 29, 12)  # noqa: DTZ001 -- Excel has no zones
    assert found["local"] == [noon, "2024-02-29T12:00:00.000001", "1848-02-29T12:00:00", None, noon]
    assert found["instant"][:2] == [noon, "2024-02-29T12:00:00.500000Z"]
    assert found["clock"][:2] == ["23:59:59", "00:00:00.000001"]
    assert found["text"] == ["=1+1", "", None, 'a "quoted",\nline', "@SUM(A1)|cmd"]
    assert [unescape(text) for text in found["odd"]] == [
        "e\u0301 😀 \u202etrap", "tab\there", "_x000D_", "a\r\nb", " padded "
    ]  # fmt: skip
    assert found["object"] == ['{"a": 1}', "[]", None, "1.10", '"x"']


def test_xlsx_no_cell_is_a_formula(write_awkward: Callable[..., Written]) -> None:
    """Text that starts like a formula is a text cell."""
    book = openpyxl.load_workbook(write_awkward("xlsx").folder / "archive.xlsx")
    kinds = {cell.data_type for row in book["Awkward"].iter_rows() for cell in row}
    assert "f" not in kinds


def test_xlsx_report_counts_what_became_text(write_awkward: Callable[..., Written]) -> None:
    """Where a number or a date is text, the report says how often and where."""
    written = write_awkward("xlsx")
    assert written.report.remarks["numbers that fifteen digits do not hold, written as text", "Awkward.big"] == 3
    assert written.report.remarks["numbers that fifteen digits do not hold, written as text", "Awkward.money"] == 1
    assert written.report.remarks["dates before March 1900, written as text", "Awkward.day"] == 2
    assert "fractions of a second" in written.remarks("Awkward.instant")


def test_xlsx_decimal_with_far_apart_digits_is_text(tmp_path: Path) -> None:
    """A number of 38 digits whose middle is zeros is not taken for a short one."""
    from portability.converting.xlsx import _fits  # noqa: PLC0415

    del tmp_path
    assert not _fits(Decimal("10000000000000000000000000000.0000000001"))
    assert not _fits(Decimal("1.0000000000000000000000000000000000001"))
    assert _fits(Decimal("1.50000000000000000000"))


def test_xlsx_long_text_is_cut_in_the_cell_and_whole_beside_it(write_awkward: Callable[..., Written]) -> None:
    """Nothing is lost: the cell names the file that holds all of it."""
    written = write_awkward("xlsx", xlsx_cell_characters_max=14)
    text = (written.folder / "long_texts/000001.txt").read_text(encoding="utf-8")
    assert text in {"12345678901234567890123456.7890123456", "9223372036854775807"}
    assert any("whole in long_texts/" in what for what, _ in written.report.remarks)


def test_xlsx_full_sheet_and_full_workbook_go_on_in_further_ones(write_awkward: Callable[..., Written]) -> None:
    """Five rows at two a sheet and four a workbook: three sheets, two workbooks, every row once, and it is said."""
    written = write_awkward("xlsx", xlsx_sheet_rows_max=3, xlsx_workbook_rows_max=4)
    first, second = written.folder / "archive.xlsx", written.folder / "archive-2.xlsx"
    ids = [*cells(first, "Awkward")["id"], *cells(first, "Awkward (2)")["id"], *cells(second, "Awkward (3)")["id"]]
    assert ids == [1, 2, 3, 4, 5]
    assert cells(second, "Contents") == {
        "sheet": ["Awkward (3)"],
        "table": ["Awkward"],
        "rows": [1],
        "meaning": ["main.Awkward"],
    }
    assert "further sheet" in written.remarks("Awkward")


def test_xlsx_practice_reads_back_exactly(converted: Convert, practice: Path) -> None:
    """Every money value of every bill and ledger entry is the archive's, to the last place."""
    done = converted("xlsx", only=("bill", "ledger_entry", "user"))
    book = done.out / "archive.xlsx"
    for name in ("bill", "ledger_entry"):
        table = pq.read_table(practice / f"data/tables/{name}.parquet")
        found = cells(book, name)
        for field in table.schema:
            expected = table.column(field.name).to_pylist()
            if pa.types.is_decimal(field.type):
                read = [None if value is None else Decimal(str(value)) for value in found[field.name]]
                assert read == expected
            if pa.types.is_date(field.type):
                assert [None if value is None else value.date() for value in found[field.name]] == expected
    listed = cells(book, "Contents")
    assert dict(zip(listed["table"], listed["rows"], strict=True))["bill"] == len(cells(book, "bill")["id"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a" * 40, "a" * 41], ["a" * 31, "a" * 29 + "~2"]),
        (["Matter", "MATTER"], ["Matter", "MATTER~2"]),
        (["a/b:c[d]"], ["a_b_c_d_"]),
        (["History", "contents"], ["History~2", "contents~2"]),
    ],
)
def test_sheet_name_is_one_that_excel_takes(names: list[str], expected: list[str]) -> None:
    """At most 31 characters, none that is forbidden, unique whatever the case."""
    from portability.converting.xlsx import _sheet_name  # noqa: PLC0415

    taken = {"contents", "history"}
    assert [_sheet_name(name, taken) for name in names] == expected


@pytest.mark.slow
def test_xlsx_opens_in_libreoffice_with_the_same_money(converted: Convert, practice: Path, tmp_path: Path) -> None:
    """The whole practice's workbook, saved as CSV by LibreOffice, has every bill with its exact total."""
    done = converted("xlsx")
    target = tmp_path / "sheets"
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    command = [
        "soffice",
        f"-env:UserInstallation=file://{tmp_path / 'profile'}",
        "--headless",
        "--convert-to",
        every_sheet,
    ]
    try:
        subprocess.run(
            [*command, "--outdir", str(target), str(done.out / "archive.xlsx")],
            check=True,
            capture_output=True,
            timeout=240,
        )
    except FileNotFoundError:
        lacking("LibreOffice: soffice is not installed")
    assert len(list(target.glob("archive-*.csv"))) == done.report.counts["sheets"] + 1
    with (target / "archive-bill.csv").open(encoding="utf-8", newline="") as text:
        found = {row["id"]: Decimal(row["gross_total"]) for row in csv.DictReader(text)}
    table = pq.read_table(practice / "data/tables/bill.parquet", columns=["id", "gross_total"]).to_pylist()
    assert found == {row["id"]: row["gross_total"] for row in table}
