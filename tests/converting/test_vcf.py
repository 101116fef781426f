"""Contacts parsed back by vobject."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import vobject

from tests.converting.canonical import write_form
from tests.converting.conftest import Convert


def cards(folder: Path) -> list[Any]:
    """Parse every card of the file."""
    return list(vobject.readComponents((folder / "contacts.vcf").read_bytes().decode()))


def test_vcf_practice_has_every_contact_that_counts(converted: Convert, practice: Path) -> None:
    """Deleted and merged contacts are left out and counted; every other is there with its name, once."""
    done = converted("vcf")
    rows = pq.read_table(practice / "data/tables/contact.parquet").to_pylist()
    kept = [row for row in rows if not row["is_deleted"] and not row["merged_into_id"]]
    found = cards(done.out)
    assert sorted(card.fn.value for card in found) == sorted(row["display_name"] for row in kept)
    assert len({card.uid.value for card in found}) == len(kept)
    points = pq.read_table(practice / "data/tables/contact_point.parquet").to_pylist()
    here = {row["id"] for row in kept}
    emails = sorted(
        p["value"] for p in points if p["kind"] == "email" and p["contact_id"] in here and not p["is_deleted"]
    )
    assert sorted(line.value for card in found for line in card.contents.get("email", [])) == emails


def test_vcf_awkward_contact_comes_back_as_it_was(tmp_path: Path) -> None:
    """Names, numbers, addresses and notes with every separator of the form in them."""
    contact = {
        "id": "1",
        "contact_type": "person",
        "display_name": "Dr Siân O'Brien; QC, MP",
        "given_name": "Siân",
        "family_name": "O'Brien; QC",
        "title": "Dr",
        "notes": "line one\nline; two, three \\ " + "ż" * 90,
        "date_of_birth": dt.date(1980, 2, 29),
        "national_insurance_number": "QQ123456C",
    }
    points: list[dict[str, Any]] = [
        {"id": "1", "contact_id": "1", "kind": "mobile", "value": "07700 900000", "is_primary": True},
        {"id": "2", "contact_id": "1", "kind": "email", "value": "s@example.com", "label": "work"},
        {"id": "3", "contact_id": "1", "kind": "phone", "value": "gone", "is_deleted": True},
    ]
    street = {"line1": "Flat 2, The Mill", "line2": "1 High St; rear", "town": "York", "postcode": "YO1 7HH"}
    address = {"id": "1", "contact_id": "1", "address_type": "home", **street, "dx_number": "61500 York"}
    rows: dict[str, list[dict[str, Any]]] = {
        "contact": [contact],
        "contact_point": points,
        "contact_address": [address],
    }
    folder, report = write_form(tmp_path, "vcf", rows)
    (card,) = cards(folder)
    assert card.fn.value == contact["display_name"]
    assert (card.n.value.family, card.n.value.given, card.n.value.prefix) == ("O'Brien; QC", "Siân", "Dr")
    assert card.note.value == contact["notes"]
    assert card.bday.value == "1980-02-29"
    assert [line.value for line in card.contents["tel"]] == ["07700 900000"]
    assert card.tel.params["TYPE"] == ["CELL", "PREF"]
    assert (card.adr.value.street, card.adr.value.city, card.adr.value.code) == (
        ["Flat 2, The Mill", "1 High St; rear"],
        "York",
        "YO1 7HH",
    )
    assert card.adr.value.box == "DX 61500 York"
    text = (folder / "contacts.vcf").read_text(encoding="utf-8")
    assert "QQ123456C" not in text
    assert ("kept out of address books on purpose", "contact.national_insurance_number") in report.remarks


def test_vcf_organisation_has_an_organisation_name(tmp_path: Path) -> None:
    """A court or company is filed under its own name."""
    rows = [
        {"id": "1", "contact_type": "court", "display_name": "County Court at Cardiff"},
        {
            "id": "2",
            "contact_type": "organisation",
            "display_name": "Mill Ltd",
            "organisation_name": "The Mill Limited",
        },
        {"id": "3", "contact_type": "person", "display_name": "Merged", "merged_into_id": "1"},
    ]
    folder, report = write_form(tmp_path, "vcf", {"contact": rows})
    assert [card.org.value for card in cards(folder)] == [["County Court at Cardiff"], ["The Mill Limited"]]
    assert report.remarks["contacts merged into another, left out", "contact"] == 1
