"""Contacts and clients: persons and companies as they were typed over thirty years."""

from __future__ import annotations

from typing import TypeVar

from .scene import CALENDAR, Firm, Scene
from .words import (
    COMPANY_TRADES,
    COMPANY_WORDS,
    COURTS,
    FORENAMES,
    OCCUPATIONS,
    STREETS,
    SURNAMES,
    TOWNS,
)

__all__ = ["contact_name", "write_client", "write_contact", "write_courts"]

T = TypeVar("T")
_RECENT = 40  # how many earlier clients and contacts a firm remembers for new matters
_DIGITS = 1000


def write_courts(scene: Scene, firm: Firm) -> None:
    """Write the courts every firm keeps as contacts."""
    for court in COURTS:
        contact_id = scene.next_id("CT_MAST")
        firm.courts.append(contact_id)
        scene.sink.put(
            "CT_MAST",
            CT_ID=contact_id,
            FIRM_ID=firm.firm_id,
            CT_TYPE="C",
            ORG_NAME=court,
            ADDR1="Court House",
            TOWN=court.split()[-1],
            COUNTRY="GB",
            CREATED="2018-01-02 08:00:00",
            DEL_FLAG="N",
        )


def write_client(scene: Scene, firm: Firm, day: int) -> tuple[int, int]:
    """Write a client with its contact and checks, and return both ids; sometimes an earlier client comes back."""
    dice = scene.dice
    if firm.clients and dice.chance(0.4):
        return dice.pick(firm.clients)
    is_company = dice.chance(0.25)
    contact_id = write_contact(scene, firm, day, is_company=is_company)
    client_id = scene.next_id("CL_MAST")
    scene.sink.put(
        "CL_MAST",
        CL_ID=client_id,
        FIRM_ID=firm.firm_id,
        CL_NO=f"{firm.branches[0]}{client_id:07d}",
        CT_ID=contact_id,
        CL_TYPE="C" if is_company else "I",
        STATUS="A" if dice.chance(0.8) else "D",
        PARTNER_ID=firm.partner,
        BR_CODE=dice.pick(firm.branches),
        OPEN_DT=CALENDAR.iso[day],
        REF_SRC=dice.pick(("WEB", "AGENT", "RECOM", "BNI", None)),
        CREDIT_LIM="2500.00" if is_company else None,
        TERMS_DT=CALENDAR.typed[day + 1],
        EBILL_ID=f"EB-{client_id}" if is_company and dice.chance(0.2) else "",
        DEL_FLAG="N",
    )
    _write_checks(scene, firm, contact_id, day)
    _remember(firm.clients, (client_id, contact_id))
    return client_id, contact_id


def _write_checks(scene: Scene, firm: Firm, contact_id: int, day: int) -> None:
    for kind in ("ID", "AD"):
        scene.sink.put(
            "AML_CHK",
            AML_ID=scene.next_id("AML_CHK"),
            FIRM_ID=firm.firm_id,
            CT_ID=contact_id,
            KIND=kind,
            CHK_DT=scene.moment(day),
            CHK_BY=scene.dice.pick(firm.fee_earners)[0],
            PROVIDER="VeriFolk",
            PROV_REF=f"VF{contact_id:08d}{kind}",
            RESULT="P" if scene.dice.chance(0.95) else "R",
            EXPIRY=_expiry(scene, day),
            EVIDENCE="Passport" if kind == "ID" else "Council tax bill",
        )


def _expiry(scene: Scene, day: int) -> str:
    if scene.dice.chance(0.02):
        scene.tally.unreadable["cdd_check.expires_on"] += 1
        return "n/a"
    return CALENDAR.typed[min(day + 260, len(CALENDAR) - 1)]


def write_contact(scene: Scene, firm: Firm, day: int, *, is_company: bool) -> int:
    """Write one contact, a person or a company, and return its id."""
    dice = scene.dice
    contact_id = scene.next_id("CT_MAST")
    name = _company(scene) if is_company else _person(scene)
    town, postcode = dice.pick(TOWNS)
    scene.sink.put(
        "CT_MAST",
        CT_ID=contact_id,
        FIRM_ID=firm.firm_id,
        **name,
        ADDR1=f"{dice.between(1, 180)} {dice.pick(STREETS)}",
        ADDR2="" if dice.chance(0.5) else None,
        TOWN=town,
        PCODE=postcode,
        COUNTRY="GB" if dice.chance(0.96) else "PL",
        OLD_ADDR=f"Flat {dice.between(1, 40)}\r\n{dice.pick(STREETS)}\r\n{town}" if dice.chance(0.1) else None,
        TEL_HOME=f"01632 960{contact_id % _DIGITS:03d}" if dice.chance(0.5) else "",
        TEL_WORK=f"020 7946 0{contact_id % _DIGITS:03d}" if is_company else None,
        TEL_MOB=f"07700 900{contact_id % _DIGITS:03d}" if dice.chance(0.7) else None,
        EMAIL=f"Contact{contact_id}@example.com" if dice.chance(0.8) else "",
        WEB=f"https://www.example.com/{contact_id}" if is_company else None,
        BANK_SC="99-99-99" if dice.chance(0.1) else None,
        BANK_AC=f"{contact_id:08d}" if dice.chance(0.1) else None,
        MKT_OK=dice.pick(("Y", "N", None)),
        NOTES="Prefers e-mail.\r\nDo not ring after 5 pm ☎" if dice.chance(0.05) else None,
        CREATED=scene.moment(day),
        CREATED_BY=firm.cashier,
        DEL_FLAG="N",
    )
    _remember(firm.others, contact_id)
    return contact_id


def contact_name(scene: Scene) -> str:
    """Return a made-up person's name for a title or a narrative."""
    return f"{scene.dice.pick(FORENAMES)} {scene.dice.pick(SURNAMES)}"


def _person(scene: Scene) -> dict[str, object]:
    dice = scene.dice
    title, forename, surname = dice.pick(("Mr", "Mrs", "Ms", "Dr", "")), dice.pick(FORENAMES), dice.pick(SURNAMES)
    return {
        "CT_TYPE": "P",
        "TITLE": title,
        "FORENAMES": forename,
        "SURNAME": surname,
        "SALUT": f"{title} {surname}".strip(),
        "DOB": _birth_date(scene),
        "NI_NO": f"QQ{dice.between(100000, 999999)}C" if dice.chance(0.4) else None,
        "OCCUP": dice.pick(OCCUPATIONS),
        "VULN": 1 if dice.chance(0.03) else 0,
    }


def _company(scene: Scene) -> dict[str, object]:
    dice = scene.dice
    return {
        "CT_TYPE": "O",
        "ORG_NAME": f"{dice.pick(COMPANY_WORDS)} {dice.pick(COMPANY_TRADES)}",
        "SALUT": "Sirs",
        "CO_NO": f"99{dice.between(100000, 999999)}",
    }


def _birth_date(scene: Scene) -> str | None:
    dice = scene.dice
    year = dice.between(1932, 2006)
    if dice.chance(0.03):
        scene.tally.unreadable["contact.date_of_birth"] += 1
        return f"ca. {year}"
    if dice.chance(0.3):
        return dice.pick(("", None))
    return f"{dice.between(1, 28):02d}/{dice.between(1, 12):02d}/{year}"


def _remember(memory: list[T], item: T) -> None:
    memory.append(item)
    if len(memory) > _RECENT:
        del memory[0]
