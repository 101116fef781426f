"""Fills a database made by OpenLawOffice's install script with believable, seeded, wholly invented rows.

The install script ships no rows. `fill()` inserts into every table the way the application does: the client of a matter
is a contact with the role "Client", time hangs on tasks and tasks on matters, an invoice's subtotal is the sum of
unrounded lines, files lie in Current/, Previous/ and Forms/ under their id. It plants what real firms have:
secrets, rows without a parent, missing and damaged files. `Filled` says what was planted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import psycopg

from tests.real.openlawoffice_firm import add_accounts, add_contacts, add_lists
from tests.real.openlawoffice_matters import add_charge, add_matter, add_version
from tests.real.openlawoffice_rows import Row, Rows

__all__ = ["EMPTY_TABLES", "NOBODY", "Filled", "fill"]

EMPTY_TABLES = {"core": "the abstract parent of the other tables; the application never inserts into it"}
NOBODY = UUID(int=0)  # what the application writes when it does not know the user

_PENNY = Decimal("0.01")
_ADDRESSEE = {
    "bill_to_name_line_1": "Accounts payable",
    "bill_to_address_line_1": "1 High Street",
    "bill_to_address_line_2": "",
    "bill_to_city": "York",
    "bill_to_state": "N Yorks",
    "bill_to_zip": "YO1 7HH",
}


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What `fill()` inserted. Money is in pence; `rows` counts each table's own rows (PostgreSQL's ONLY)."""

    rows: dict[str, int]
    disabled: dict[str, int]
    invoice_subtotal_pence: int
    invoice_tax_pence: int
    invoice_total_pence: int
    expense_pence: int
    fee_pence: int
    negative_pence: int
    files_present: int
    files_missing: int
    files_wrong_md5: int
    matters_without_client: int
    time_without_matter: int
    expenses_without_matter: int
    versions_without_document: int
    unknown_creators: int
    secrets: tuple[str, ...]


def fill(connection_url: str, documents_dir: Path, *, seed: int = 1, matters: int = 40) -> Filled:
    """Insert rows into all tables and write the files the application would have; the same seed gives the same rows."""
    rows = Rows(random.Random(seed), documents_dir)
    add_accounts(rows)
    add_lists(rows)
    add_contacts(rows, matters)
    for number in range(matters):
        add_matter(rows, number)
    _add_invoices(rows)
    _add_strays(rows)
    with psycopg.connect(connection_url) as connection:
        rows.write(connection)
    return _filled(rows)


def _add_invoices(rows: Rows) -> None:
    """Every third matter has a bill of its own, each billing group one for its matters."""
    for number, matter in enumerate(rows["matter"]):
        if matter["billing_group_id"] is None and number % 3 == 0:
            owner = {"matter_id": matter["id"], "bill_to_contact_id": matter["bill_to_contact_id"]}
            _add_invoice(rows, owner, [matter["id"]], disabled=number % 12 == 9)
    for group in rows["billing_group"]:
        matters = [row["id"] for row in rows["matter"] if row["billing_group_id"] == group["id"]]
        owner = {"billing_group_id": group["id"], "bill_to_contact_id": group["bill_to_contact_id"]}
        _add_invoice(rows, owner, matters, fixed=group["amount"])


def _add_invoice(
    rows: Rows, owner: Row, matters: list[UUID], *, fixed: Decimal = Decimal(0), disabled: bool = False
) -> None:
    """Bill everything billable on some matters; the tax is partly the lines' and partly typed in by hand."""
    number, date = len(rows["invoice"]), rows.moment()
    external = None if number % 4 == 0 else f"INV-{number:05}"
    values = {"date": date, "due": date + timedelta(days=30), "external_invoice_id": external}
    invoice = rows.add("invoice", {**values, **owner, **_ADDRESSEE}, disabled=disabled)
    subtotal, tax = Fraction(fixed), rows.money(0, 20_000) * (number % 2)
    for kind, row in _billable(rows, matters):
        line = {"invoice_id": invoice["id"], f"{kind}_id": row["id"], "details": row["details"] or "Time"}
        line |= _time_price(rows, row) if kind == "time" else {"amount": row["amount"]}
        if kind == "fee":
            line["tax_amount"] = (row["amount"] / 5).quantize(_PENNY, ROUND_HALF_UP)
        rows.add(f"invoice_{kind}", line, disabled=disabled)
        subtotal += _line_amount(line)
        tax += line.get("tax_amount", 0)
    invoice["subtotal"] = Decimal(round(subtotal * 100)) / 100
    invoice["tax_amount"] = tax
    invoice["total"] = invoice["subtotal"] + tax


def _billable(rows: Rows, matters: list[UUID]) -> list[tuple[str, Row]]:
    tasks = {link["task_id"] for link in rows["task_matter"] if link["matter_id"] in matters}
    times = {link["time_id"] for link in rows["task_time"] if link["task_id"] in tasks}
    items = [("time", row) for row in rows["time"] if row["billable"] and row["id"] in times]
    for kind in ("expense", "fee"):
        wanted = {link[f"{kind}_id"] for link in rows[f"{kind}_matter"] if link["matter_id"] in matters}
        items += [(kind, row) for row in rows[kind] if row["id"] in wanted]
    return items


def _time_price(rows: Rows, time: Row) -> Row:
    duration = time["stop"] - time["start"] if time["stop"] else timedelta(0)
    rate = rows["billing_rate"][(time["worker_contact_id"] - 1) % 4]
    return {"duration": duration, "price_per_hour": rate["price_per_unit"]}


def _line_amount(line: Row) -> Fraction:
    if "amount" in line:
        return Fraction(line["amount"])
    return Fraction(line["duration"] // timedelta(microseconds=1), 3_600_000_000) * Fraction(line["price_per_hour"])


def _add_strays(rows: Rows) -> None:
    """What the application takes for granted and real databases lack: parents, creators, numbers used once."""
    start = rows.moment()
    times = {"start": start, "stop": start + timedelta(hours=1)}
    rows.add("time", {**times, "worker_contact_id": 1, "details": "On no task", "billable": True})
    add_charge(rows, "expense")
    document = rows["document"][0]["id"]
    rows.retire(rows["version"][0])
    add_version(rows, document, 2, b"withdrawn", current=False, disabled=True)
    add_version(rows, document, 2, b"took its place and number", current=True)
    add_version(rows, rows.new_id(), 1, b"of a document deleted long ago", current=True)
    for note in rows["note"][:2]:
        note["created_by_user_pid"] = NOBODY
    rows.add("task_matter", {"task_id": rows["task"][0]["id"], "matter_id": rows["matter"][-1]["id"]})


def _filled(rows: Rows) -> Filled:
    disabled = {table: sum(row.get("utc_disabled") is not None for row in kept) for table, kept in rows.tables.items()}
    amounts = [row["amount"] for table in ("expense", "fee") for row in rows[table]]
    return Filled(
        rows={table: len(kept) for table, kept in rows.tables.items()} | dict.fromkeys(EMPTY_TABLES, 0),
        disabled={table: count for table, count in disabled.items() if count},
        invoice_subtotal_pence=_pence(rows, "invoice", "subtotal"),
        invoice_tax_pence=_pence(rows, "invoice", "tax_amount"),
        invoice_total_pence=_pence(rows, "invoice", "total"),
        expense_pence=_pence(rows, "expense", "amount"),
        fee_pence=_pence(rows, "fee", "amount"),
        negative_pence=int(sum(amount for amount in amounts if amount < 0) * 100),
        files_present=rows.planted["files_present"],
        files_missing=rows.planted["files_missing"],
        files_wrong_md5=rows.planted["files_wrong_md5"],
        matters_without_client=rows.planted["matters_without_client"],
        time_without_matter=1,
        expenses_without_matter=1,
        versions_without_document=1,
        unknown_creators=2,
        secrets=tuple(rows.secrets),
    )


def _pence(rows: Rows, table: str, column: str) -> int:
    return int(sum(row[column] for row in rows[table]) * 100)
