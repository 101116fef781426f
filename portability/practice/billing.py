"""Time, disbursements, bills and what becomes of the bills, posted to the ledger as they happen."""

from __future__ import annotations

from dataclasses import dataclass, field

from .ledger import Account, Ledger
from .scene import CALENDAR, LAST_DAY, Firm, Scene, pounds
from .words import DISBURSEMENTS, NARRATIVES, WorkType

__all__ = ["LINES_PER_PHASE_MAX", "Bill", "Billing", "Matter", "vat_on"]

LINES_PER_PHASE_MAX = 23  # ledger lines one phase of a matter can write
_ACTIVITIES = ("ATTEND", "PERUSE", "DRAFT", "TRAVEL")
_UNITS = (1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 15, 30)


@dataclass(kw_only=True, slots=True)
class Matter:
    """A matter while it lives."""

    matter_id: int
    number: str
    kind: WorkType
    client_id: int
    contact_id: int
    fee_earner: int
    rate: int
    opened: int
    day: int
    client_account: Account
    office_account: Account
    time: list[dict[str, object]] = field(default_factory=list)  # not billed yet
    time_pence: int = 0
    disbursements: list[dict[str, object]] = field(default_factory=list)  # paid from office money, not billed yet
    disbursed: list[tuple[str, int, int, str]] = field(default_factory=list)  # text, net, VAT, VAT code of the same


@dataclass(kw_only=True, slots=True)
class Bill:
    """A bill in pence, and what has happened to it."""

    bill_id: int
    day: int
    costs: int
    disbursements: int
    discount: int
    vat: int
    paid: int = 0
    written_off: int = 0

    @property
    def net(self) -> int:
        return self.costs + self.disbursements - self.discount

    @property
    def total(self) -> int:
        return self.net + self.vat

    @property
    def outstanding(self) -> int:
        return self.total - self.paid - self.written_off


def vat_on(net: int) -> int:
    """Return 20 % of an amount in pence, halves rounded away from zero."""
    return (abs(net) * 20 + 50) // 100 * (1 if net >= 0 else -1)


class Billing:
    """The billing of one firm's matters."""

    def __init__(self, scene: Scene, firm: Firm, ledger: Ledger) -> None:
        self._scene, self._firm, self._ledger = scene, firm, ledger

    def record_time(self, matter: Matter) -> None:
        """Record some work: most of it waits for a bill, some is not chargeable."""
        dice = self._scene.dice
        for _ in range(dice.between(2, 9)):
            is_chargeable = not dice.chance(0.07)
            user, rate = (matter.fee_earner, matter.rate) if dice.chance(0.8) else dice.pick(self._firm.fee_earners)
            units = dice.pick(_UNITS)
            pence = rate * units // 10 if is_chargeable else 0
            row = self._time_row(matter, user=user, rate=rate, units=units, pence=pence)
            if is_chargeable:
                matter.time.append(row)
                matter.time_pence += pence
            else:
                self._scene.sink.put("TIME_ENT", **row, STATUS="N")

    def _time_row(self, matter: Matter, *, user: int, rate: int, units: int, pence: int) -> dict[str, object]:
        scene = self._scene
        day = min(matter.day + scene.dice.between(0, 9), LAST_DAY)
        scene.tally.totals["time_value"] += pence
        return {
            "TE_ID": scene.next_id("TIME_ENT"),
            "FIRM_ID": self._firm.firm_id,
            "MTR_ID": matter.matter_id,
            "FE_ID": user,
            "WORK_DT": CALENDAR.iso[day],
            "UNITS": units,
            "CHG_UNITS": units if pence else 0,
            "RATE": pounds(rate),
            "VALUE": pounds(pence),
            "ACT_CD": scene.dice.pick(_ACTIVITIES),
            "NARR": scene.dice.pick(NARRATIVES),
            "CREATED": scene.moment(day),
        }

    def pay_disbursement(self, matter: Matter) -> None:
        """Pay for a search, counsel or the like: from client money if there is enough, else from the office's."""
        code, text, net, vat_code = self._scene.dice.pick(DISBURSEMENTS)
        vat = vat_on(net) if vat_code == "S" else 0
        gross = net + vat
        from_client = matter.client_account.balance >= gross and self._scene.dice.chance(0.3)
        account, bank = (
            (matter.client_account, self._ledger.client_bank)
            if from_client
            else (matter.office_account, self._ledger.office_bank)
        )
        legs = ((account, "D", gross), (bank, "C", gross))
        kind = "CPY" if from_client else "DSB"
        post_id = self._ledger.post(kind, matter.day, legs, narrative=text, matter_id=matter.matter_id)
        row = self._disbursement_row(matter, (code, text, vat_code), (net, vat), post_id)
        if from_client:
            self._scene.sink.put("DISBMT", **row, SIDE="C", STATUS="P")
        else:
            matter.disbursements.append({**row, "SIDE": "O"})
            matter.disbursed.append((text, net, vat, vat_code))

    def _disbursement_row(
        self, matter: Matter, words: tuple[str, str, str], amounts: tuple[int, int], post_id: int
    ) -> dict[str, object]:
        dsb_id = self._scene.next_id("DISBMT")
        return {
            "DSB_ID": dsb_id,
            "FIRM_ID": self._firm.firm_id,
            "MTR_ID": matter.matter_id,
            "DTYPE": words[0],
            "DESCR": words[1],
            "SUPP_CT": self._scene.dice.pick(self._firm.courts) if words[0] == "COURT" else None,
            "INV_NO": f"INV/{dsb_id}" if amounts[1] else None,
            "DSB_DT": CALENDAR.iso[matter.day],
            "NET": pounds(amounts[0]),
            "VAT": pounds(amounts[1]),
            "GROSS": pounds(amounts[0] + amounts[1]),
            "VAT_CODE": words[2],
            "PAID_DT": CALENDAR.iso[matter.day],
            "POST_ID": post_id,
        }

    def bill(self, matter: Matter, *, is_final: bool) -> Bill:
        """Bill everything that waits, post it, and let the client pay or not."""
        discount = matter.time_pence // 2_000 * 100 if self._scene.dice.chance(0.1) else 0
        costs_vat = vat_on(matter.time_pence) - vat_on(discount)
        bill = Bill(
            bill_id=self._scene.next_id("BILL_HDR"),
            day=matter.day,
            costs=matter.time_pence,
            disbursements=sum(net for _, net, _, _ in matter.disbursed),
            discount=discount,
            vat=costs_vat + sum(vat for _, _, vat, _ in matter.disbursed),
        )
        self._write_lines(matter, bill)
        legs = (
            (matter.office_account, "D", bill.costs - discount + costs_vat),
            (self._ledger.income, "C", bill.costs - discount),
            (self._ledger.vat, "C", costs_vat),
        )
        narrative = f"Bill {self._number(bill)}"
        self._ledger.post("BIL", bill.day, legs, narrative=narrative, matter_id=matter.matter_id, bill_id=bill.bill_id)
        self._settle(matter, bill)
        self.write_header(matter, bill, kind="F" if is_final else "I")
        return bill

    def _number(self, bill: Bill) -> str:
        return f"{self._firm.branches[0]}{bill.bill_id:08d}"

    def write_header(self, matter: Matter, bill: Bill, *, kind: str, wrong_by: int = 0, number: str = "") -> None:
        """Write the bill's row (a fault may falsify what is outstanding, or give it another's number)."""
        status = 9 if bill.written_off else 3 if not bill.outstanding else 2 if bill.paid else 1
        self._scene.tally.totals["unpaid_bills"] += bill.outstanding + wrong_by
        amounts = {
            "COSTS": bill.costs,
            "DISBS": bill.disbursements,
            "DISC": bill.discount,
            "NET": bill.net,
            "VAT": bill.vat,
            "TOTAL": bill.total,
            "PAID": bill.paid,
            "W_OFF": bill.written_off,
            "OS_BAL": bill.outstanding + wrong_by,
        }
        self._scene.sink.put(
            "BILL_HDR",
            BILL_ID=bill.bill_id,
            FIRM_ID=self._firm.firm_id,
            BILL_NO=number or self._number(bill),
            CL_ID=matter.client_id,
            MTR_ID=matter.matter_id,
            FE_ID=matter.fee_earner,
            BTYPE=kind,
            STATUS=status,
            BILL_DT=CALENDAR.iso[bill.day],
            DUE_DT=CALENDAR.iso[bill.day + 20],
            DELIV_DT=CALENDAR.iso[bill.day],
            NARR="To our professional charges\r\nas per the attached schedule" if bill.costs else None,
            **{name: pounds(pence) for name, pence in amounts.items()},
        )

    def write_line(self, bill: Bill, number: int, kind: str, text: str, amounts: tuple[int, int, str]) -> None:
        """Write a bill line; the amounts are net, VAT and VAT code."""
        net, vat, vat_code = amounts
        self._scene.sink.put(
            "BILL_LINE",
            BILL_ID=bill.bill_id,
            LINE_NO=number,
            FIRM_ID=self._firm.firm_id,
            LTYPE=kind,
            DESCR=text,
            NET=pounds(net),
            VAT_CODE=vat_code,
            VAT=pounds(vat),
            GROSS=pounds(net + vat),
        )

    def _write_lines(self, matter: Matter, bill: Bill) -> None:
        scene, put = self._scene, self._scene.sink.put
        self.write_line(bill, 1, "C", "Professional charges", (bill.costs, vat_on(bill.costs), "S"))
        for row in matter.time:
            put("TIME_ENT", **row, STATUS="B", BILL_ID=bill.bill_id, BILL_LN=1)
        pairs = zip(matter.disbursements, matter.disbursed, strict=True)
        number = 1
        for number, (row, (text, net, vat, code)) in enumerate(pairs, start=2):
            self.write_line(bill, number, "D", text, (net, vat, code))
            put("DISBMT", **row, STATUS="B", BILL_ID=bill.bill_id, BILL_LN=number)
        if bill.discount:
            amounts = (-bill.discount, -vat_on(bill.discount), "S")
            self.write_line(bill, number + 1, "X", f"Discount agreed {scene.moment(bill.day)[:10]}", amounts)
        matter.time, matter.time_pence, matter.disbursements, matter.disbursed = [], 0, [], []

    def _settle(self, matter: Matter, bill: Bill) -> None:
        fate = self._scene.dice.random()
        day = bill.day + self._scene.dice.between(1, 30)
        if day > LAST_DAY or fate > 0.95:
            return
        matter.day = day
        if matter.client_account.balance >= bill.outstanding:
            self._transfer(matter, bill)
        elif fate < 0.84:
            self._receive(matter, bill, bill.outstanding)
        elif fate < 0.91:
            self._receive(matter, bill, bill.outstanding // 2)
        else:
            self._write_off(matter, bill)

    def _transfer(self, matter: Matter, bill: Bill) -> None:
        pence, ledger = bill.outstanding, self._ledger
        legs = (
            (matter.client_account, "D", pence),
            (ledger.client_bank, "C", pence),
            (ledger.office_bank, "D", pence),
            (matter.office_account, "C", pence),
        )
        post_id = ledger.post("CTO", matter.day, legs, narrative="Costs transfer", matter_id=matter.matter_id)
        self._allocate(matter, bill, pence, method="TC", side="C", post_id=post_id)

    def _receive(self, matter: Matter, bill: Bill, pence: int) -> None:
        legs = ((self._ledger.office_bank, "D", pence), (matter.office_account, "C", pence))
        post_id = self._ledger.post(
            "ORC", matter.day, legs, narrative="Bill paid", matter_id=matter.matter_id, payee=matter.contact_id
        )
        method = self._scene.dice.pick(("BT", "BT", "CD", "CQ"))
        self._allocate(matter, bill, pence, method=method, side="O", post_id=post_id)

    def _allocate(self, matter: Matter, bill: Bill, pence: int, *, method: str, side: str, post_id: int) -> None:
        pay_id, day = self._scene.next_id("PAY_REC"), CALENDAR.iso[matter.day]
        bank = self._ledger.client_bank if side == "C" else self._ledger.office_bank
        self._scene.sink.put(
            "PAY_REC",
            PAY_ID=pay_id,
            FIRM_ID=self._firm.firm_id,
            CL_ID=matter.client_id,
            MTR_ID=matter.matter_id,
            CT_ID=matter.contact_id,
            PAY_DT=day,
            AMT=pounds(pence),
            METHOD=method,
            REF=self._number(bill) if method == "BT" else None,
            SIDE=side,
            BANK_ID=bank.bank_id,
            POST_ID=post_id,
            STATUS="C",
        )
        self._scene.sink.put(
            "PAY_ALLOC",
            PAY_ID=pay_id,
            BILL_ID=bill.bill_id,
            FIRM_ID=self._firm.firm_id,
            AMT=pounds(pence),
            ALLOC_DT=day,
        )
        bill.paid += pence

    def _write_off(self, matter: Matter, bill: Bill) -> None:
        vat = min(bill.vat, bill.outstanding)
        net = bill.outstanding - vat
        legs = (
            (self._ledger.bad_debts, "D", net),
            (self._ledger.vat, "D", vat),
            (matter.office_account, "C", net + vat),
        )
        post_id = self._ledger.post("WOF", matter.day, legs, narrative="Bad debt", matter_id=matter.matter_id)
        self._put_write_off(matter, kind="B", net=net, vat=vat, BILL_ID=bill.bill_id, POST_ID=post_id)
        bill.written_off += net + vat

    def _put_write_off(self, matter: Matter, *, kind: str, net: int, vat: int, **target: object) -> None:
        self._scene.sink.put(
            "WRITE_OFF",
            WO_ID=self._scene.next_id("WRITE_OFF"),
            FIRM_ID=self._firm.firm_id,
            KIND=kind,
            MTR_ID=matter.matter_id,
            NET=pounds(net),
            VAT=pounds(vat),
            WO_DT=CALENDAR.iso[matter.day],
            AUTH_BY=self._firm.partner,
            REASON="Client insolvent" if kind == "B" else "Training time",
            **target,
        )

    def leave_unbilled(self, matter: Matter) -> None:
        """Write what no bill took: work in progress, one piece of it written off now and then."""
        for row in matter.time:
            is_written_off = self._scene.dice.chance(0.03)
            self._scene.sink.put("TIME_ENT", **row, STATUS="X" if is_written_off else "W")
            if is_written_off:
                pence = int(str(row["VALUE"]).replace(".", ""))
                self._put_write_off(matter, kind="T", net=pence, vat=0, TE_ID=row["TE_ID"])
        for row in matter.disbursements:
            self._scene.sink.put("DISBMT", **row, STATUS="U")
