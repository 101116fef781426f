"""Bills as LEDES 1998B and 98BI: ``bills-1998B.txt``, ``bills-98BI.txt``, and ``not_converted.csv`` with the reasons.

A bill is written only if its lines add up to its total, exactly, and its identifiers fit; it is listed otherwise. 1998B
knows no tax and no currency: its amounts are net. In 98BI a line's total is with tax and the bill's total is gross.
"""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from portability.converting import ledes_fields as fields
from portability.converting.contract import Form, Material, Report
from portability.converting.engine import open_canonical
from portability.converting.ledes_text import amount, field_text, read_back
from portability.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["FORM"]

FILES = {"1998B": "bills-1998B.txt", "98BI": "bills-98BI.txt"}
REFUSED = "not_converted.csv"
_BILLED = {"issued", "part_paid", "paid", "written_off"}
_TYPES = {"costs": "F", "disbursement": "E", "discount": "IF", "uplift": "IF", "interest": "IF", "adjustment": "IF"}
_FOUR = Decimal("0.0001")
_BILLS = """
SELECT b.*, (SELECT count(*) FROM bill AS x WHERE x.bill_number = b.bill_number) AS same_number,
  cl.client_number, m.matter_number, m.title AS matter_title, m.client_reference,
  ct.display_name AS client_name, ct.vat_number AS client_vat_number,
  f.id AS firm_id, f.name AS firm_name, f.base_currency, coalesce(f.vat_number, f.sra_number, f.id) AS firm_number,
  o.address_lines AS firm_address, o.postcode AS firm_postcode, o.country_code AS firm_country,
  a.line1, concat_ws(', ', a.line2, a.line3) AS line2, a.town, a.county, a.postcode, a.country_code,
  l.id AS line_id, l.line_number, l.line_type, l.description, l.line_date, l.quantity, l.unit_price, l.net_amount,
  l.vat_rate, l.vat_amount, l.gross_amount, l.utbms_task_code, l.utbms_activity_code, l.utbms_expense_code,
  l.fee_earner_id AS line_fee_earner_id, t.id AS timekeeper_id, t.fee_earner_code, t.initials,
  t.display_name AS timekeeper, t.given_name, t.family_name, t.ledes_classification
FROM bill AS b LEFT JOIN bill_line AS l ON l.bill_id = b.id AND NOT l.is_deleted
LEFT JOIN client AS cl ON cl.id = b.client_id
LEFT JOIN contact AS ct ON ct.id = coalesce(b.bill_to_contact_id, cl.contact_id)
LEFT JOIN matter AS m ON m.id = coalesce(l.matter_id, b.matter_id)
LEFT JOIN "user" AS t ON t.id = coalesce(l.fee_earner_id, b.fee_earner_id)
LEFT JOIN "user" AS bt ON bt.id = b.fee_earner_id
LEFT JOIN office AS o ON o.id = coalesce(m.office_id, bt.office_id)
LEFT JOIN firm AS f ON f.id = coalesce(o.firm_id, bt.firm_id, (SELECT min(id) FROM firm HAVING count(*) = 1))
LEFT JOIN contact_address AS a ON a.id = (
  SELECT x.id FROM contact_address AS x WHERE x.contact_id = ct.id AND NOT x.is_deleted
  ORDER BY x.address_type = 'billing' DESC, x.is_primary DESC, x.id LIMIT 1)
ORDER BY b.bill_date, b.bill_number, b.id, l.line_number, l.id"""


def _write(material: Material, folder: Path, report: Report) -> None:
    paths = {form: folder / name for form, name in FILES.items()}
    with (
        open_canonical(material, folder) as canonical,
        paths["1998B"].open("xb") as narrow,
        paths["98BI"].open("xb") as wide,
        (folder / REFUSED).open("x", encoding="utf-8", newline="") as text,
    ):
        refused = csv.writer(text, lineterminator="\r\n")
        refused.writerow(["form", "bill_id", "bill_number", "reason"])
        streams: dict[str, BinaryIO] = {"1998B": narrow, "98BI": wide}
        for form, stream in streams.items():
            head, names = (
                (fields.HEAD_1998B, fields.FIELDS_1998B) if form == "1998B" else (fields.HEAD_98BI, fields.FIELDS_98BI)
            )
            stream.write(f"{head}[]\r\n{'|'.join(names)}[]\r\n".encode("ascii"))
        for _, rows in groupby(canonical.rows(_BILLS), key=lambda row: row["id"]):
            bill = list(rows)
            for form, stream in streams.items():
                if reason := _obstacle(bill, form):
                    refused.writerow([form, bill[0]["id"], bill[0]["bill_number"], reason])
                    report.remark(f"bills not converted to {form}: {reason}", "bill")
                    continue
                for line in _lines(bill, form, report):
                    stream.write(line)
                report.count(f"bills_{form}")
                report.count(f"lines_{form}", len(bill))
    for form, path in paths.items():
        bills, lines = read_back(path, form)
        if (bills, lines) != (report.counts.get(f"bills_{form}", 0), report.counts.get(f"lines_{form}", 0)):
            raise FormatError("bills were lost on the way", place=path.name)


def _obstacle(bill: list[dict[str, Any]], form: str) -> str:
    """Say why a bill cannot be written, or nothing."""
    return _state(bill[0]) or _sums(bill, form) or _absences(bill) or _widths(bill, form)


def _state(first: dict[str, Any]) -> str:
    if first["is_deleted"] or first["status"] not in _BILLED or first["bill_type"] == "proforma":
        return "it was not issued"
    if first["bill_type"] == "credit_note":
        return "it is a credit note, which LEDES does not have"
    return "it has no lines" if first["line_id"] is None else ""


def _sums(bill: list[dict[str, Any]], form: str) -> str:
    first = bill[0]
    net, tax = (sum(line[name] for line in bill) for name in ("net_amount", "vat_amount"))
    if net != first["net_total"]:
        return "its lines do not add up to its net total"
    if form == "1998B" and first["currency"] != first["base_currency"]:
        return "it is not in the firm's own currency, and 1998B names none"
    if form == "98BI" and (tax != first["vat_total"] or net + tax != first["gross_total"]):
        return "its lines with VAT do not add up to its gross total"
    return ""


def _absences(bill: list[dict[str, Any]]) -> str:
    for name, word in (
        ("bill_date", "date"),
        ("bill_number", "number"),
        ("client_number", "client"),
        ("firm_id", "firm"),
    ):
        if bill[0][name] is None:
            return f"it has no {word}"
    if bill[0]["same_number"] > 1:
        return "another bill has its number, and a reader would take them for one"
    if any(line["matter_number"] is None for line in bill):
        return "a line is of no matter"
    if any(line["line_type"] == "costs" and line["timekeeper_id"] is None for line in bill):
        return "a fee has no fee earner"
    return ""


def _widths(bill: list[dict[str, Any]], form: str) -> str:
    names = ("net_amount", "vat_amount", "unit_price", "quantity", "gross_total")
    amounts = [line[name] for line in bill for name in names]
    if any(value is not None and abs(value) >= 10**fields.WHOLE_DIGITS for value in amounts):
        return "an amount has more digits than a field holds"
    for line in bill:
        for name, value in _identifiers(line).items():
            if len(value) > fields.LENGTHS[name] or field_text(value, ascii_only=form == "1998B")[1]:
                return f"its {name} does not fit the field"
    return ""


def _identifiers(line: dict[str, Any]) -> dict[str, str]:
    # The same in both forms: what a fee earner goes by, or else the record's id.
    names = [line[name] for name in ("fee_earner_code", "initials", "timekeeper_id") if line[name]]
    longest = fields.LENGTHS["TIMEKEEPER_ID"]
    return {
        "INVOICE_NUMBER": line["bill_number"],
        "CLIENT_ID": line["client_number"],
        "LAW_FIRM_MATTER_ID": line["matter_number"],
        "LAW_FIRM_ID": line["firm_number"],
        "TIMEKEEPER_ID": next((text for text in names if text.isascii() and len(text) <= longest), ""),
    }


def _lines(bill: list[dict[str, Any]], form: str, report: Report) -> Iterator[bytes]:
    names = fields.FIELDS_1998B if form == "1998B" else fields.FIELDS_98BI
    start, end = _period(bill, report, form)
    for number, line in enumerate(bill, 1):
        values = _identifiers(line) | _amounts(line, form, report) | _words(line, form, report)
        values |= {
            "INVOICE_DATE": _day(line["bill_date"]),
            "BILLING_START_DATE": start,
            "BILLING_END_DATE": end,
            "LINE_ITEM_NUMBER": str(number),
            "LINE_ITEM_DATE": _day(line["line_date"] or line["bill_date"]),
        }
        if line["line_date"] is None:
            report.remark("lines without a date, given their bill's", f"bill_line in {form}")
        written = []
        for name in names:
            text, changed = field_text(values[name], ascii_only=form == "1998B")
            for what in changed:
                report.remark(what, f"{name} in {form}")
            limit = fields.LENGTHS.get(name, len(text))
            if len(text) > limit:
                report.remark(f"texts cut to {limit:,} characters", f"{name} in {form}")
            written.append(text[:limit])
        yield ("|".join(written) + "[]\r\n").encode("ascii" if form == "1998B" else "utf-8")


def _period(bill: list[dict[str, Any]], report: Report, form: str) -> tuple[str, str]:
    first = bill[0]
    days = [line["line_date"] for line in bill if line["line_date"]] or [first["bill_date"]]
    if first["period_from"] is None or first["period_to"] is None:
        report.remark("bills without a period, given the first and last date of their lines", f"bill in {form}")
    return _day(first["period_from"] or min(days)), _day(first["period_to"] or max(days))


def _day(value: Any) -> str:  # noqa: ANN401 -- a date as the engine gives it
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _amounts(line: dict[str, Any], form: str, report: Report) -> dict[str, str]:
    kind = _TYPES[line["line_type"]]
    net, tax = line["net_amount"], line["vat_amount"]
    units, price = line["quantity"], line["unit_price"]
    if kind == "IF":
        units, price, adjustment = Decimal(1), Decimal(0), net
    elif units is None or price is None:
        units, price, adjustment = Decimal(1), net, Decimal(0)
        report.remark("lines without quantity or rate, written as 1 unit at their net amount", f"bill_line in {form}")
    else:
        exact = net - units * price
        adjustment = exact.quantize(_FOUR, ROUND_HALF_EVEN)
        if adjustment != exact:
            what = "lines whose units times rate has more than four places: the adjustment is the nearest of four"
            report.remark(what, f"bill_line in {form}")
    total = net if form == "1998B" else net + tax
    bill_total = line["net_total"] if form == "1998B" else line["gross_total"]
    return {
        "INVOICE_TOTAL": amount(bill_total),
        "EXP/FEE/INV_ADJ_TYPE": kind,
        "LINE_ITEM_NUMBER_OF_UNITS": amount(units),
        "LINE_ITEM_UNIT_COST": amount(price),
        "LINE_ITEM_ADJUSTMENT_AMOUNT": amount(adjustment),
        "LINE_ITEM_TOTAL": amount(total),
        "INVOICE_TAX_TOTAL": amount(line["vat_total"]),
        "INVOICE_NET_TOTAL": amount(line["net_total"]),
        "LINE_ITEM_TAX_RATE": "" if line["vat_rate"] is None else format(line["vat_rate"].normalize(), "f"),
        "LINE_ITEM_TAX_TOTAL": amount(tax),
        "INVOICE_REPORTED_TAX_TOTAL": amount(line["vat_total"]),
        "INVOICE_CURRENCY": line["currency"],
        "INVOICE_TAX_CURRENCY": line["currency"],
        "LINE_ITEM_TAX_TYPE": "VAT",
    }


def _words(line: dict[str, Any], form: str, report: Report) -> dict[str, str]:
    fee = line["line_type"] == "costs"
    if fee and line["line_fee_earner_id"] is None:
        report.remark("fees without a fee earner of their own, given their bill's", f"bill_line in {form}")
    last, given = line["family_name"] or line["timekeeper"] or "", line["given_name"] or ""
    address = (line["firm_address"] or "").splitlines()
    words = {
        "INVOICE_DESCRIPTION": line["narrative"],
        "LINE_ITEM_DESCRIPTION": line["description"] or line["line_type"],
        "LINE_ITEM_TASK_CODE": line["utbms_task_code"] if fee else "",
        "LINE_ITEM_ACTIVITY_CODE": line["utbms_activity_code"] if fee else "",
        "LINE_ITEM_EXPENSE_CODE": line["utbms_expense_code"] if line["line_type"] == "disbursement" else "",
        "TIMEKEEPER_NAME": f"{last}, {given}" if given else last,
        "TIMEKEEPER_LAST_NAME": last,
        "TIMEKEEPER_FIRST_NAME": given,
        "TIMEKEEPER_CLASSIFICATION": line["ledes_classification"] or "OTH",
        "CLIENT_MATTER_ID": line["client_reference"],
        "PO_NUMBER": line["purchase_order"],
        "CLIENT_TAX_ID": line["client_vat_number"],
        "MATTER_NAME": line["matter_title"],
        "ACCOUNT_TYPE": "O",
        "LAW_FIRM_NAME": line["firm_name"],
        "LAW_FIRM_ADDRESS_1": address[0] if address else "",
        "LAW_FIRM_ADDRESS_2": ", ".join(address[1:]),
        "LAW_FIRM_CITY": "",
        "LAW_FIRM_STATEorREGION": "",
        "LAW_FIRM_POSTCODE": line["firm_postcode"],
        "LAW_FIRM_COUNTRY": line["firm_country"],
        "CLIENT_NAME": line["client_name"],
        "CLIENT_ADDRESS_1": line["line1"],
        "CLIENT_ADDRESS_2": line["line2"],
        "CLIENT_CITY": line["town"],
        "CLIENT_STATEorREGION": line["county"],
        "CLIENT_POSTCODE": line["postcode"],
        "CLIENT_COUNTRY": line["country_code"],
    }
    timekeeper = {name: "" for name in words if name.startswith("TIMEKEEPER_")} if not fee else {}
    if not fee:
        timekeeper["TIMEKEEPER_ID"] = ""
    return {name: text or "" for name, text in (words | timekeeper).items()}


FORM = Form(
    name="ledes",
    title="Bills as LEDES 1998B and 98BI",
    write=_write,
    entities=("bill", "bill_line"),
    cannot_hold=(
        "Only issued bills whose lines add up are written; all others are in not_converted.csv with the reason.",
        "1998B has no tax and no currency: its amounts are net and in the firm's own currency.",
        "1998B is ASCII: letters lose their accents, a pound sign becomes GBP. 98BI is UTF-8.",
        "A | in a text becomes /, [] becomes (), line ends become spaces.",
        "A line without quantity and rate is 1 unit at its net amount; discounts are adjustments.",
        "Countries are the two letters that the archive has; a town of the firm that is not known is empty.",
        "Payments, write-offs and allocations are not in it.",
    ),
)
