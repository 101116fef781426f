"""Contacts as one vCard file, version 3.0: what Outlook, Google and Apple all read.

UIDs come from the source system and the contact's id. Contacts that are deleted or were merged into another are left
out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from portability.converting.contract import Form, Material, Report
from portability.converting.engine import open_canonical
from portability.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from vobject.base import Component

__all__ = ["FORM"]

FILE = "contacts.vcf"
_CONTACTS = """
SELECT c.*,
  (SELECT list({'kind': p.kind, 'label': p.label, 'value': p.value, 'first': p.is_primary} ORDER BY p.id)
   FROM contact_point AS p WHERE p.contact_id = c.id AND NOT p.is_deleted) AS points,
  (SELECT list({'kind': a.address_type, 'line1': a.line1, 'line2': a.line2, 'line3': a.line3, 'town': a.town,
                'county': a.county, 'postcode': a.postcode, 'country': a.country_code, 'dx': a.dx_number,
                'first': a.is_primary, 'ended': a.valid_to} ORDER BY a.id)
   FROM contact_address AS a WHERE a.contact_id = c.id AND NOT a.is_deleted) AS addresses
FROM contact AS c ORDER BY c.id"""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PHONES = {"phone": ["VOICE"], "mobile": ["CELL"], "fax": ["FAX"]}
_PERSONAL = {"home": "HOME", "previous": "HOME", "correspondence": "POSTAL"}
_LEFT_OUT = (
    "national_insurance_number", "bank_details", "other_identifiers", "ethnicity", "religion_or_belief",
    "disability_notes", "vulnerable_client", "gender", "marital_status", "nationality",
)  # fmt: skip


def _write(material: Material, folder: Path, report: Report) -> None:
    with open_canonical(material, folder) as canonical, (folder / FILE).open("xb") as stream:
        for row in canonical.rows(_CONTACTS):
            if row["is_deleted"] or row["merged_into_id"]:
                why = "rows marked as deleted" if row["is_deleted"] else "contacts merged into another"
                report.remark(f"{why}, left out", "contact")
                continue
            stream.write(_card(row, report).serialize().encode())
            report.count("contacts")
            for name in _LEFT_OUT:
                if row[name] not in (None, "", False):
                    report.remark("kept out of address books on purpose", f"contact.{name}")
    _check(folder / FILE, report)


def _card(row: dict[str, Any], report: Report) -> Component:
    import vobject  # noqa: PLC0415 -- an extra: asked for only where it is used

    card = vobject.vCard()
    card.add("uid").value = str(
        uuid5(NAMESPACE_URL, f"urn:legal-portability:{row['source_system']}:contact:{row['id']}")
    )
    card.add("fn").value = _clean(row["display_name"], report)
    given, family = row["given_name"], row["family_name"]
    card.add("n").value = vobject.vcard.Name(
        family=_clean(family or (None if given else row["display_name"]), report),
        given=_clean(given, report),
        additional=_clean(row["middle_names"], report),
        prefix=_clean(row["title"], report),
        suffix=_clean(row["suffix"], report),
    )
    organisation = row["organisation_name"] or row["trading_name"]
    if organisation or row["contact_type"] in {"organisation", "court", "public_body"}:
        card.add("org").value = [_clean(organisation or row["display_name"], report)]
    for name, field in (("role", "occupation"), ("nickname", "preferred_name")):
        if row[field]:
            card.add(name).value = _clean(row[field], report)
    if row["date_of_birth"]:
        card.add("bday").value = row["date_of_birth"].isoformat()
    notes = [row["notes"], row["communication_restrictions"]]
    if any(notes):
        card.add("note").value = _clean("\n".join(note for note in notes if note), report)
    for point in row["points"] or ():
        _point(card, point, report)
    for address in row["addresses"] or ():
        _address(card, address, report)
    return card


def _point(card: Component, point: dict[str, Any], report: Report) -> None:
    kind = point["kind"]
    value = _clean(point["value"], report)
    if kind in _PHONES:
        line = card.add("tel")
        line.type_param = [*_PHONES[kind], *(["PREF"] if point["first"] else [])]
    elif kind in {"email", "secure_mail"}:
        line = card.add("email")
        line.type_param = ["INTERNET", *(["PREF"] if point["first"] else [])]
    elif kind == "web":
        line = card.add("url")
    else:
        line = card.add("x-" + kind.replace("_", "-"))
    line.value = value
    if point["label"]:
        report.remark("labels of numbers and addresses, left out", "contact_point.label")


def _address(card: Component, address: dict[str, Any], report: Report) -> None:
    import vobject  # noqa: PLC0415

    line = card.add("adr")
    street = [_clean(address[name], report) for name in ("line1", "line2", "line3") if address[name]]
    line.value = vobject.vcard.Address(
        street=street or "",
        city=_clean(address["town"], report),
        region=_clean(address["county"], report),
        code=_clean(address["postcode"], report),
        country=_clean(address["country"], report),
        box=_clean(f"DX {address['dx']}" if address["dx"] else "", report),
    )
    line.type_param = [_PERSONAL.get(address["kind"], "WORK"), *(["PREF"] if address["first"] else [])]
    if address["ended"] is not None:
        report.remark("addresses that are no longer valid, written like the others", "contact_address.valid_to")


def _clean(text: str | None, report: Report) -> str:
    plain = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(plain):
        report.remark("control characters, left out of texts", FILE)
    return _CONTROL.sub("", plain)


def _check(path: Path, report: Report) -> None:
    with path.open("rb") as stream:
        found = sum(line.startswith(b"BEGIN:VCARD") for line in stream)
    if found != report.counts.get("contacts", 0):
        raise FormatError("contacts were lost on the way", place=path.name)


FORM = Form(
    name="vcf",
    title="Contacts as vCard 3.0",
    write=_write,
    entities=("contact", "contact_point", "contact_address"),
    module="vobject",
    cannot_hold=(
        "Identity numbers, bank details and special-category data are kept out of address books on purpose.",
        "Roles in matters, relationships between contacts and former names are not in it.",
        "An address's validity and a number's label are not in it; a DX number stands where a post box would.",
        "Contacts that were merged into another or are marked as deleted are left out.",
    ),
)
