"""The life of a matter, from instructions to the closed file: money in, work, bills, money out."""

from __future__ import annotations

from .billing import LINES_PER_PHASE_MAX, Billing, Matter
from .ledger import Ledger
from .people import contact_name, write_client, write_contact
from .scene import CALENDAR, LAST_DAY, Firm, Scene, pounds
from .words import COURTS, STAGES, STREETS, TOWNS, WORK_TYPES, WorkType

__all__ = ["LINES_PER_MATTER_MAX", "open_matter", "run_matter", "write_matter"]

_PHASES_MAX = 3
LINES_PER_MATTER_MAX = 2 + _PHASES_MAX * LINES_PER_PHASE_MAX + 2
_GROUPS = ("Private", "Corporate", "Panel – Lenders", None)


def open_matter(scene: Scene, firm: Firm, ledger: Ledger, day: int) -> Matter:
    """Take on a matter: its client, its two ledgers and its conflict check."""
    client_id, contact_id = write_client(scene, firm, day)
    matter_id = scene.next_id("MTR_MAST")
    number = f"{scene.dice.pick(firm.branches)}{matter_id:07d}"
    fee_earner, rate = scene.dice.pick(firm.fee_earners)
    matter = Matter(
        matter_id=matter_id,
        number=number,
        kind=scene.dice.pick(WORK_TYPES),
        client_id=client_id,
        contact_id=contact_id,
        fee_earner=fee_earner,
        rate=rate,
        opened=day,
        day=day,
        client_account=ledger.open_account("MC", f"C{number}", "Client ledger", matter_id=matter_id),
        office_account=ledger.open_account("MO", f"O{number}", "Office ledger", matter_id=matter_id),
    )
    _write_conflict_check(scene, firm, matter)
    return matter


def run_matter(scene: Scene, firm: Firm, ledger: Ledger, day: int) -> Matter:
    """Let a matter live until it is closed or the calendar ends, and write its rows."""
    matter = open_matter(scene, firm, ledger, day)
    billing = Billing(scene, firm, ledger)
    if scene.dice.chance(0.6):
        _receive_client_money(ledger, matter, scene.dice.between(2, 30) * 10_000, "Money on account of costs")
    for phase in range(scene.dice.between(1, _PHASES_MAX)):
        _run_phase(scene, ledger, billing, matter)
        _write_stage(scene, firm, matter, phase)
        if not _move_on(scene, matter, 10, 60):
            break
    is_closed = _close_books(scene, ledger, matter)
    billing.leave_unbilled(matter)
    for account in (matter.client_account, matter.office_account):
        ledger.close_account(account)
    _write_parties(scene, firm, matter)
    write_matter(scene, firm, matter, closed=matter.day if is_closed else None, **_closing(scene, matter, is_closed))
    return matter


def _run_phase(scene: Scene, ledger: Ledger, billing: Billing, matter: Matter) -> None:
    """Let the matter go on by a stage.

    It writes at most `LINES_PER_PHASE_MAX` ledger lines: 6 for instalments, 6 for disbursements, 4 for a completion and
    7 for a bill.
    """
    billing.record_time(matter)
    for _ in range(scene.dice.between(0, 3)):
        _move_client_money(scene, ledger, matter)
    for _ in range(scene.dice.between(0, 3)):
        billing.pay_disbursement(matter)
    if matter.kind.department == "Property" and scene.dice.chance(0.4):
        _complete(scene, ledger, matter)
    if matter.time_pence and scene.dice.chance(0.7) and _move_on(scene, matter, 2, 20):
        billing.bill(matter, is_final=scene.dice.chance(0.5))


def _move_on(scene: Scene, matter: Matter, low: int, high: int) -> bool:
    """Let working days pass; False, and no change, when the calendar would end first."""
    day = matter.day + scene.dice.between(low, high)
    if day > LAST_DAY:
        return False
    matter.day = day
    return True


def _receive_client_money(ledger: Ledger, matter: Matter, pence: int, narrative: str) -> None:
    legs = ((ledger.client_bank, "D", pence), (matter.client_account, "C", pence))
    ledger.post("CRC", matter.day, legs, narrative=narrative, matter_id=matter.matter_id, payee=matter.contact_id)


def _pay_client_money(ledger: Ledger, matter: Matter, pence: int, narrative: str) -> None:
    legs = ((matter.client_account, "D", pence), (ledger.client_bank, "C", pence))
    ledger.post("CPY", matter.day, legs, narrative=narrative, matter_id=matter.matter_id)


def _move_client_money(scene: Scene, ledger: Ledger, matter: Matter) -> None:
    pence = scene.dice.between(1, 40) * 5_000
    if matter.client_account.balance >= pence and scene.dice.chance(0.5):
        _pay_client_money(ledger, matter, pence, "Paid on the client's behalf")
    else:
        _receive_client_money(ledger, matter, pence, "Instalment from client")


def _complete(scene: Scene, ledger: Ledger, matter: Matter) -> None:
    price = scene.dice.between(90_000, 650_000) * 100
    _receive_client_money(ledger, matter, price, "Completion monies from lender")
    _pay_client_money(ledger, matter, price, "Completion monies to seller's solicitors")


def _close_books(scene: Scene, ledger: Ledger, matter: Matter) -> bool:
    """Close the matter when nothing is owed either way; what is left of client money goes back to the client."""
    has_debts = matter.office_account.balance or matter.time or matter.disbursements
    if has_debts or not _move_on(scene, matter, 5, 90):
        return False
    if matter.client_account.balance:
        _pay_client_money(ledger, matter, matter.client_account.balance, "Balance to client")
    return True


def _closing(scene: Scene, matter: Matter, is_closed: bool) -> dict[str, object]:  # noqa: FBT001
    if not is_closed:
        return {"STATUS": "HLD" if scene.dice.chance(0.05) else "OPN"}
    scene.tally.zero_dates += 1
    closed = CALENDAR.iso[matter.day]
    year = int(closed[:4]) + matter.kind.retain_years
    is_archived = scene.dice.chance(0.5)
    return {
        "STATUS": "ARC" if is_archived else "CLO",
        "ARCH_NO": f"A{matter.matter_id:08d}" if is_archived else None,
        "ARCH_DT": closed if is_archived else None,
        "BOX": f"BX{matter.matter_id // 20}" if is_archived else None,
        "STORE_LOC": scene.dice.pick(("Basement", "Iron Hill, Bay 4", "Seler y swyddfa")) if is_archived else None,
        "DESTROY_DT": f"{year}-{closed[5:8]}01" if is_archived else None,
        "LEGAL_HOLD": 1 if scene.dice.chance(0.02) else 0,
        "DESTROYED": scene.sink.zero_date,
    }


def write_matter(scene: Scene, firm: Firm, matter: Matter, *, closed: int | None, **columns: object) -> None:
    """Write the matter's row; `columns` add to or replace what a matter usually has."""
    dice, kind = scene.dice, matter.kind
    row: dict[str, object] = {
        "MTR_ID": matter.matter_id,
        "FIRM_ID": firm.firm_id,
        "CL_ID": matter.client_id,
        "MTR_NO": matter.number,
        "DESCR": _title(scene, kind),
        "STAGE": dice.pick(STAGES),
        "FE_ID": matter.fee_earner,
        "PARTNER_ID": firm.partner,
        "BR_CODE": dice.pick(firm.branches),
        "TYPE_CODE": kind.code,
        "OPEN_DT": CALENDAR.iso[matter.opened] if dice.chance(0.05) else CALENDAR.typed[matter.opened],
        "CLOSE_DT": None if closed is None else CALENDAR.iso[closed],
        "CL_REF": f"PO/{matter.matter_id}" if dice.chance(0.1) else "",
        "COURT": dice.pick(COURTS) if kind.contentious == "Y" else None,
        "CASE_NO": f"K{dice.between(10, 99)}YJ{dice.between(100, 999)}" if kind.contentious == "Y" else None,
        "CLAIM_VAL": pounds(dice.between(10, 900) * 100_000) if kind.contentious == "Y" else None,
        "BILLING": dice.pick("HHHFC"),
        "FUNDING": dice.pick("PPPPI"),
        "EST_AMT": pounds(dice.between(5, 90) * 10_000),
        "EST_DT": CALENDAR.iso[matter.opened],
        "RISK": dice.pick((1, 1, 1, 2, 2, 3, None)),
        "CONFID": "Y" if dice.chance(0.02) else "N",
        "GROUP": dice.pick(_GROUPS),
        "KEYWORDS": dice.pick(("", None, "urgent", "urgent, vip", "legal aid ended, Cymraeg")),
        "FOLDER": f"P:\\DOCS\\{firm.firm_id}\\{matter.number}",
        "CREATED": scene.moment(matter.opened),
        "CREATED_BY": matter.fee_earner,
        "UPDATED": scene.moment(matter.day),
        "DEL_FLAG": "N",
    }
    scene.sink.put("MTR_MAST", **{**row, **columns})


def _title(scene: Scene, kind: WorkType) -> str:
    town, _ = scene.dice.pick(TOWNS)
    return kind.title.format(
        number=scene.dice.between(1, 200), street=scene.dice.pick(STREETS), town=town, other=contact_name(scene)
    )


def _write_conflict_check(scene: Scene, firm: Firm, matter: Matter) -> None:
    has_hit = scene.dice.chance(0.05)
    scene.sink.put(
        "CONFL_CHK",
        CHK_ID=scene.next_id("CONFL_CHK"),
        FIRM_ID=firm.firm_id,
        MTR_ID=matter.matter_id,
        CL_ID=matter.client_id,
        CHK_AT=scene.moment(matter.opened),
        CHK_BY=matter.fee_earner,
        TERMS=f"{contact_name(scene)};{contact_name(scene)}",
        HITS=f"CT/{matter.contact_id}" if has_hit else "",
        RESULT="R" if has_hit else "P",
        REASON="Same name, other person" if has_hit else None,
    )


def _write_stage(scene: Scene, firm: Firm, matter: Matter, phase: int) -> None:
    scene.sink.put(
        "STG_HIST",
        MTR_ID=matter.matter_id,
        FIRM_ID=firm.firm_id,
        SEQ=phase + 1,
        STAGE=STAGES[phase],
        ENTERED=scene.moment(matter.day),
        WHO=matter.fee_earner,
        REMARK="" if phase else None,
    )


def _write_parties(scene: Scene, firm: Firm, matter: Matter) -> None:
    dice = scene.dice
    others = firm.others
    if len(others) < 2 or dice.chance(0.3):
        write_contact(scene, firm, matter.opened, is_company=dice.chance(0.5))
    parties: list[tuple[str, int, str | None]]
    parties = [("CLI", matter.contact_id, "N"), ("OSIDE", dice.pick(others), "Y"), ("OSOL", dice.pick(others), "N")]
    if matter.kind.contentious == "Y":
        parties.append(("COURT", dice.pick(firm.courts), None))
    for sequence, (role, contact_id, adverse) in enumerate(parties, start=1):
        scene.sink.put(
            "MTR_PARTY",
            PTY_ID=scene.next_id("MTR_PARTY"),
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            CT_ID=contact_id,
            ROLE_CD=role,
            PREF=f"{role}/{matter.matter_id}" if role == "OSOL" else None,
            SEQ=sequence,
            ADVERSE=adverse,
        )
    if dice.chance(0.3):
        scene.sink.put(
            "MTR_TEAM",
            MTR_ID=matter.matter_id,
            USER_ID=dice.pick(firm.fee_earners)[0],
            TROLE="ASS",
            FIRM_ID=firm.firm_id,
            SPLIT_PC="12.50" if dice.chance(0.5) else None,
        )
