"""The faults of real books, planted once in every firm and counted: each is a row or posting of its own.

Nothing here disturbs the sound matters, so every count is exact: one fault, one row that one rule reports (or two,
where one fact breaks both).
"""

from __future__ import annotations

from .billing import Bill, Billing, Matter, vat_on
from .ledger import Ledger, Leg
from .matters import open_matter, write_matter
from .people import write_contact
from .scene import CALENDAR, Firm, Scene, pounds

__all__ = ["LINES_PER_FIRM", "plant_faults"]

LINES_PER_FIRM = 12
_DAY = CALENDAR.iso.index("2024-03-14")
_NOWHERE = 999_999_999  # an id that no row has
_PENCE = 100_000


class _Faults:
    """Plants into one firm, on two matters made for the purpose: one open, one closed."""

    def __init__(self, scene: Scene, firm: Firm, ledger: Ledger) -> None:
        self.scene, self.firm, self.ledger = scene, firm, ledger
        self.put = scene.sink.put
        self.open = open_matter(scene, firm, ledger, _DAY)
        self.closed = open_matter(scene, firm, ledger, _DAY)
        self.billing = Billing(scene, firm, ledger)

    def plant_ledger(self) -> None:
        """Overdraw a client ledger for a day, leave money on a closed matter, and break a posting and two balances."""
        client, bank = self.open.client_account, self.ledger.client_bank
        self._post("CRC", ((bank, "D", _PENCE), (client, "C", _PENCE)), "Money on account")
        self._post("CPY", ((client, "D", _PENCE + 5_000), (bank, "C", _PENCE + 5_000)), "Paid to counsel")
        self._post("CRC", ((bank, "D", 5_000), (client, "C", 5_000)), "Put right next day")
        self.scene.plant(self.firm, "client_ledger_never_overdrawn")

        residue = ((bank, "D", 4_217), (self.closed.client_account, "C", 4_217))
        self._post("CRC", residue, "Refund from HMLR after closing")
        self.scene.plant(self.firm, "residual_client_balance")

        unequal = ((self.ledger.charges, "D", 1_250), (self.ledger.office_bank, "C", 1_205))
        self._post("JNL", unequal, "Bank charges (digits turned)")
        self.scene.plant(self.firm, "txn_balances", "txn_side_balances")

        sound = ((self.ledger.office_bank, "D", 300), (self.open.office_account, "C", 300))
        self._post("ORC", sound, "Copying charges", wrong_running=1_000)
        self.scene.plant(self.firm, "running_balance_matches", "ledger_balance_matches")
        self.ledger.close_account(client)
        self.ledger.close_account(self.open.office_account, wrong_by=1_000)
        self.ledger.close_account(self.closed.client_account)
        self.ledger.close_account(self.closed.office_account)

    def _post(self, kind: str, legs: tuple[Leg, ...], text: str, *, wrong_running: int = 0) -> None:
        matter_id = self.open.matter_id
        self.ledger.post(kind, _DAY, legs, narrative=text, matter_id=matter_id, wrong_running=wrong_running)

    def plant_matters(self) -> None:
        """Write the two matters, and others that break the rules on numbers, dates and destruction."""
        self._write(self.open, STATUS="OPN", PARTNER_ID=_NOWHERE)
        self.scene.tally.unresolved["matter.supervisor_id"] += 1
        self._write(self.closed, closed=_DAY + 10, STATUS="CLO")
        self._write_copy(STATUS="OPN", MTR_NO=self.open.number)
        self._write_copy(STATUS="OPN", OPEN_DT="31/02/2018")
        self.scene.plant(self.firm, "matter_number_unique", "matter_number_unique")
        self.scene.tally.unreadable["matter.opened_on"] += 1
        self._write_copy(closed=_DAY - 20, STATUS="CLO", OPEN_DT=CALENDAR.typed[_DAY])
        self.scene.plant(self.firm, "matter_dates")
        early, late = CALENDAR.iso[_DAY - 100], CALENDAR.iso[_DAY + 100]
        self._write_copy(closed=_DAY, STATUS="ARC", ARCH_NO="A-EARLY", DESTROY_DT=early)
        self.scene.plant(self.firm, "destroy_after_close")
        held = {"ARCH_NO": "A-HELD", "LEGAL_HOLD": 1, "DESTROY_DT": late, "DESTROYED": late}
        self._write_copy(closed=_DAY, STATUS="ARC", **held)
        self.scene.plant(self.firm, "no_destroy_under_hold")
        self._write_copy(STATUS="OPN", DEL_FLAG="Y", DEL_DT=late, DESCR="Opened in error")

    def _write(self, matter: Matter, *, closed: int | None = None, **columns: object) -> None:
        write_matter(self.scene, self.firm, matter, closed=closed, **columns)

    def _write_copy(self, *, closed: int | None = None, **columns: object) -> None:
        matter_id = self.scene.next_id("MTR_MAST")
        number = f"{self.firm.branches[1]}{matter_id:07d}"
        self._write(self.open, closed=closed, **{"MTR_ID": matter_id, "MTR_NO": number, **columns})

    def plant_people(self) -> None:
        """Give a client number twice, merge a contact into nothing and delete one."""
        contact_id = write_contact(self.scene, self.firm, _DAY, is_company=False)
        firm_id, first = self.firm.firm_id, self.scene.next_id("CL_MAST")
        same = {"FIRM_ID": firm_id, "CL_NO": f"{self.firm.branches[0]}{first:07d}", "CT_ID": contact_id}
        same |= {"BR_CODE": self.firm.branches[0], "CL_TYPE": "I", "STATUS": "A", "DEL_FLAG": "N"}
        self.put("CL_MAST", **same, CL_ID=first)
        self.put("CL_MAST", **same, CL_ID=self.scene.next_id("CL_MAST"))
        self.scene.plant(self.firm, "client_number_unique", "client_number_unique")
        person = {"FIRM_ID": firm_id, "CT_TYPE": "P", "SURNAME": "Nobody", "CREATED": "2019-05-01 12:00:00"}
        merged, deleted = self.scene.next_id("CT_MAST"), self.scene.next_id("CT_MAST")
        self.put("CT_MAST", **person, CT_ID=merged, MERGED_TO=_NOWHERE, DEL_FLAG="N")
        self.put("CT_MAST", **person, CT_ID=deleted, MERGED_TO=contact_id, DEL_FLAG="Y", DEL_DT="2020-02-29")
        self.scene.tally.unresolved["contact.merged_into_id"] += 1

    def plant_bills(self) -> None:
        """Write bills with the wrong lines, no lines, the wrong balance and the wrong number."""
        short = self._bill()
        self.billing.write_line(short, 1, "C", "Charges", (short.costs - 500, short.vat, "S"))
        self.billing.write_header(self.open, short, kind="I")
        self.scene.plant(self.firm, "bill_lines_sum")
        self.billing.write_header(self.open, self._bill(), kind="I")
        self.scene.plant(self.firm, "bill_has_lines")
        for wrong_by in (0, 2_500):
            bill = self._bill()
            self.billing.write_line(bill, 1, "C", "Charges", (bill.costs, bill.vat, "S"))
            number = f"TWICE-{self.firm.firm_id}"
            self.billing.write_header(self.open, bill, kind="I", wrong_by=wrong_by, number=number)
        self.scene.plant(self.firm, "bill_number_unique", "bill_number_unique", "bill_outstanding")
        lost = Bill(bill_id=_NOWHERE + self.firm.number, day=_DAY, costs=0, disbursements=0, discount=0, vat=0)
        self.billing.write_line(lost, 1, "C", "Line of a bill that was deleted", (1_000, 200, "S"))
        self.scene.tally.quarantined["bill_line"] += 1

    def _bill(self) -> Bill:
        bill_id, costs = self.scene.next_id("BILL_HDR"), 20_000
        return Bill(bill_id=bill_id, day=_DAY, costs=costs, disbursements=0, discount=0, vat=vat_on(costs))

    def plant_time(self) -> None:
        """Write time with another value than units times rate, billed time without a bill, and time on no matter."""
        self._time(pence=9_999, STATUS="W")
        self.scene.plant(self.firm, "time_value")
        self._time(pence=6_000, STATUS="B")
        self.scene.plant(self.firm, "billed_time_has_line")
        self._time(pence=6_000, STATUS="W", MTR_ID=_NOWHERE)
        self.scene.tally.totals["time_value"] -= 6_000
        self.scene.tally.quarantined["time_entry"] += 1

    def _time(self, *, pence: int, **columns: object) -> None:
        self.scene.tally.totals["time_value"] += pence
        row: dict[str, object] = {
            "TE_ID": self.scene.next_id("TIME_ENT"),
            "FIRM_ID": self.firm.firm_id,
            "MTR_ID": self.open.matter_id,
            "FE_ID": self.open.fee_earner,
            "WORK_DT": CALENDAR.iso[_DAY],
            "UNITS": 3,
            "CHG_UNITS": 3,
            "RATE": pounds(20_000),
            "VALUE": pounds(pence),
            "CREATED": f"{CALENDAR.iso[_DAY]} 17:05:00",
        }
        self.put("TIME_ENT", **{**row, **columns})

    def plant_registers(self) -> None:
        """Break an undertaking, a task, a diary entry, an e-mail, a party and a key date."""
        on_matter = {"FIRM_ID": self.firm.firm_id, "MTR_ID": self.open.matter_id}
        new = self.scene.next_id
        day = CALENDAR.iso[_DAY]
        self.put(
            "UNDERTKG", **on_matter, UT_ID=new("UNDERTKG"), DIRN="G", TERMS="To hold to order", GIVEN_DT=day, STATUS="D"
        )
        self.put("TASK_LST", **on_matter, TASK_ID=new("TASK_LST"), TITLE="File review", STATUS="D")
        backwards = {"STARTS": f"{day} 14:00:00", "ENDS": f"{day} 13:00:00", "OWNER_ID": self.firm.partner}
        self.put(
            "DIARY", **on_matter, **backwards, EVT_ID=new("DIARY"), TITLE="Call", KIND="M", ALL_DAY=False, STATUS="C"
        )
        self.put("EML_MAST", **on_matter, EML_ID=new("EML_MAST"), DIRN="O", SUBJECT="Lost attachment", ATT_CNT=1)
        self.scene.plant(self.firm, "undertaking_discharge", "task_done", "event_end_after_start", "email_attachments")
        complaint = {"REC_DT": day, "SUMMARY": "Nobody rang back", "STATUS": "O"}
        self.put("COMPLNT", **on_matter, **complaint, CMP_ID=new("COMPLNT"), CL_ID=self.open.client_id)
        self.put("MTR_PARTY", **on_matter, PTY_ID=new("MTR_PARTY"), CT_ID=_NOWHERE, ROLE_CD="WITN", SEQ=9)
        self.scene.tally.quarantined["matter_party"] += 1
        bad_date = {"DUE_DT": "30/02/2024", "DESCR": "Limitation?", "CRITICAL": 1, "STATUS": "P"}
        self.put("KEY_DATE", **on_matter, **bad_date, KD_ID=new("KEY_DATE"), KIND="LIM")
        self.scene.tally.unreadable["key_date.due_on"] += 1
        self.scene.tally.quarantined["key_date"] += 1

    def plant_notes(self) -> None:
        """Write a note of an unknown type, a note on nothing and a document nobody owns."""
        note = {"FIRM_ID": self.firm.firm_id, "BODY": "Ring back", "NOTED_AT": "2021-11-05 16:20:00", "PRIV_YN": "N"}
        new = self.scene.next_id
        on_matter = {"ENTITY_TYPE": "MT", "ENTITY_ID": self.open.matter_id}
        self.put("NOTE_TXT", **note, **on_matter, NOTE_ID=new("NOTE_TXT"), NTYPE="ZZ")
        self.scene.tally.quarantined["note"] += 1
        self.put("NOTE_TXT", **note, NOTE_ID=new("NOTE_TXT"), NTYPE="FN", ENTITY_TYPE="MT", ENTITY_ID=_NOWHERE)
        self.scene.tally.unresolved["note.matter_id"] += 1
        linked = {"TITLE": "Shared plan", "FILE_NAME": "plan.pdf", "WEB_URL": "https://dms.example.com/plan.pdf"}
        flags = {"LOCKED": 0, "IN_BIN": "N", "DEL_FLAG": "N", "CREATED": "2021-11-05 16:20:00"}
        self.put("DOC_MAST", DOC_ID=new("DOC_MAST"), FIRM_ID=self.firm.firm_id, **linked, **flags)
        self.scene.plant(self.firm, "doc_has_owner")
        self.scene.tally.documents["external_link"] += 1


def plant_faults(scene: Scene, firm: Firm, ledger: Ledger) -> None:
    """Plant every fault once in a firm, with exactly `LINES_PER_FIRM` ledger lines."""
    faults = _Faults(scene, firm, ledger)
    faults.plant_ledger()
    faults.plant_matters()
    faults.plant_people()
    faults.plant_bills()
    faults.plant_time()
    faults.plant_registers()
    faults.plant_notes()
