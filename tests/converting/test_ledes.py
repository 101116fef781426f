"""Bills read back by a reader that knows the published lists of fields, and nothing of the writer."""

from __future__ import annotations

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.converting.canonical import write_form
from tests.converting.conftest import Convert
from tests.converting.ledes_reader import read_ledes

DAY = dt.date(2024, 3, 1)


def firm(lines: list[dict[str, Any]], **bill: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401 -- any field
    """One bill of one firm; its totals are its lines' unless given."""
    net = sum((Decimal(line["net_amount"]) for line in lines), Decimal(0))
    tax = sum((Decimal(line.get("vat_amount", 0)) for line in lines), Decimal(0))
    totals = {"net_total": net, "vat_total": tax, "gross_total": net + tax}
    known = {"id": "b1", "bill_number": "INV1", "bill_type": "final", "status": "issued", "client_id": "c1"}
    dated = {"matter_id": "m1", "fee_earner_id": "u1", "bill_date": DAY, "currency": "GBP"}
    user = {"id": "u1", "firm_id": "f1", "display_name": "Siân Price", "family_name": "Price", "given_name": "Siân"}
    return {
        "firm": [{"id": "f1", "name": "Owen & Co", "base_currency": "GBP", "vat_number": "GB123"}],
        "user": [{**user, "fee_earner_code": "SP"}],
        "contact": [{"id": "k1", "contact_type": "person", "display_name": "Ann | Owen"}],
        "client": [{"id": "c1", "contact_id": "k1", "client_number": "C1"}],
        "matter": [{"id": "m1", "client_id": "c1", "matter_number": "M1", "title": "Sale of [] 1 High St"}],
        "bill": [{**known, **dated, **totals, **bill}],
        "bill_line": [
            {"id": f"l{n}", "bill_id": "b1", "line_number": n, "line_type": "costs", "gross_amount": 0, **line}
            for n, line in enumerate(lines)
        ],
    }  # fmt: skip


def test_ledes_practice_bills_add_up_and_the_others_are_listed(converted: Convert, practice: Path) -> None:
    """Every issued bill is in both files with its exact total, or in the list with a reason."""
    done = converted("ledes")
    narrow = read_ledes((done.out / "bills-1998B.txt").read_bytes())
    wide = read_ledes((done.out / "bills-98BI.txt").read_bytes())
    with (done.out / "not_converted.csv").open(encoding="utf-8", newline="") as text:
        listed = {(row["form"], row["bill_number"]): row["reason"] for row in csv.DictReader(text)}
    bills = pq.read_table(practice / "data/tables/bill.parquet").to_pylist()
    assert len(narrow) > 2
    for bill in bills:
        for form, found, total in (("1998B", narrow, bill["net_total"]), ("98BI", wide, bill["gross_total"])):
            rows = found.get(bill["bill_number"])
            assert (rows is None) == ((form, bill["bill_number"]) in listed)
            assert rows is None or Decimal(rows[0]["INVOICE_TOTAL"]) == total
    assert any("do not add up" in reason or "no lines" in reason for reason in listed.values())


def test_ledes_line_says_what_the_bill_says(tmp_path: Path) -> None:
    """Fees with units and rate, an expense, a discount; tax in 98BI alone; texts that cannot break the form."""
    fee = {"net_amount": "250.00", "vat_amount": "50.00", "vat_rate": "0.2", "quantity": "1.2500", "unit_price": "200"}
    narrative = {"fee_earner_id": "u1", "line_date": dt.date(2024, 2, 1), "description": "Advice | naïve\r\ncall"}
    lines: list[dict[str, Any]] = [
        {**fee, **narrative, "utbms_task_code": "L110"},
        {"net_amount": "23.40", "line_type": "disbursement", "utbms_expense_code": "E110"},
        {"net_amount": "-10.00", "vat_amount": "-2.00", "line_type": "discount"},
    ]
    folder, report = write_form(tmp_path, "ledes", firm(lines))
    (narrow,) = read_ledes((folder / "bills-1998B.txt").read_bytes()).values()
    (wide,) = read_ledes((folder / "bills-98BI.txt").read_bytes()).values()
    assert [row["EXP/FEE/INV_ADJ_TYPE"] for row in narrow] == ["F", "E", "IF"]
    assert [row["LINE_ITEM_TOTAL"] for row in narrow] == ["250.00", "23.40", "-10.00"]
    assert [row["LINE_ITEM_TOTAL"] for row in wide] == ["300.00", "23.40", "-12.00"]
    assert (narrow[0]["LINE_ITEM_NUMBER_OF_UNITS"], narrow[0]["LINE_ITEM_UNIT_COST"]) == ("1.25", "200.00")
    assert (narrow[0]["LINE_ITEM_DESCRIPTION"], wide[0]["LINE_ITEM_DESCRIPTION"]) == (
        "Advice / naive call",
        "Advice / naïve call",
    )
    assert (narrow[0]["BILLING_START_DATE"], narrow[0]["BILLING_END_DATE"]) == ("20240201", "20240201")
    assert (wide[0]["TIMEKEEPER_NAME"], wide[0]["CLIENT_NAME"]) == ("Price, Siân", "Ann / Owen")
    assert (wide[0]["LINE_ITEM_TAX_RATE"], wide[0]["INVOICE_TAX_TOTAL"], wide[0]["MATTER_NAME"]) == (
        "0.2",
        "48.00",
        "Sale of () 1 High St",
    )
    said = "; ".join(what for what, _ in report.remarks)
    for words in ("| or [] in texts", "without accents", "line ends", "given their bill's", "without quantity or rate"):
        assert words in said


def test_ledes_rate_and_units_that_do_not_give_the_amount_are_adjusted_openly(tmp_path: Path) -> None:
    """The firm's rounding becomes the line's adjustment; the total is the bill's."""
    line = {"net_amount": "123.67", "quantity": "0.6667", "unit_price": "185.5000"}
    folder, report = write_form(tmp_path, "ledes", firm([line]))
    ((row,),) = read_ledes((folder / "bills-1998B.txt").read_bytes()).values()
    assert (row["LINE_ITEM_TOTAL"], row["LINE_ITEM_ADJUSTMENT_AMOUNT"]) == ("123.67", "-0.0028")
    assert any("more than four places" in what for what, _ in report.remarks)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a draft": ({"status": "draft"}, "not issued"),
    "a credit note": ({"bill_type": "credit_note"}, "credit note"),
    "lines that do not add up": ({"net_total": Decimal("9.99")}, "do not add up to its net total"),
    "tax that does not add up": ({"gross_total": Decimal("9.99")}, "do not add up to its gross total"),
    "another currency": ({"currency": "EUR"}, "own currency"),
    "a number that is too long": ({"bill_number": "X" * 21}, "INVOICE_NUMBER does not fit"),
    "no number": ({"bill_number": None}, "no number"),
    "no date": ({"bill_date": None}, "no date"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_ledes_bill_that_the_form_cannot_hold_is_listed_with_the_reason(tmp_path: Path, case: str) -> None:
    """It is in no file, and in the list."""
    change, words = REFUSED[case]
    folder, report = write_form(tmp_path, "ledes", firm([{"net_amount": "10", "vat_amount": "2"}], **change))
    with (folder / "not_converted.csv").open(encoding="utf-8", newline="") as text:
        listed = {row["form"]: row["reason"] for row in csv.DictReader(text)}
    assert any(words in reason for reason in listed.values())
    for form, name in (("1998B", "bills-1998B.txt"), ("98BI", "bills-98BI.txt")):
        assert bool(read_ledes((folder / name).read_bytes())) == (form not in listed)
    assert sum(count for (what, _), count in report.remarks.items() if "not converted" in what) == len(listed)


def test_ledes_two_bills_of_one_number_are_listed(tmp_path: Path) -> None:
    """A reader would add them up as one bill."""
    rows = firm([{"net_amount": "10"}])
    rows["bill"].append({**rows["bill"][0], "id": "b2"})
    rows["bill_line"].append({**rows["bill_line"][0], "id": "l9", "bill_id": "b2"})
    folder, report = write_form(tmp_path, "ledes", rows)
    assert read_ledes((folder / "bills-98BI.txt").read_bytes()) == {}
    assert (
        report.remarks[
            "bills not converted to 98BI: another bill has its number, and a reader would take them for one", "bill"
        ]
        == 2
    )


def test_ledes_amount_too_large_or_fee_of_nobody_is_listed(tmp_path: Path) -> None:
    """Nothing is squeezed into a field."""
    for number, (lines, change, words) in enumerate(
        (
            ([{"net_amount": "123456789.00"}], {}, "more digits"),
            ([{"net_amount": "1.00"}], {"fee_earner_id": None}, "no fee earner"),
        )
    ):
        folder, _ = write_form(tmp_path / str(number), "ledes", firm(lines, **change))
        assert words in (folder / "not_converted.csv").read_text(encoding="utf-8")
