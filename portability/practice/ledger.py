"""The books of one firm: double entry in integer pence, client money apart from office money.

Every posting moves its accounts before its lines are written, so stored balances follow the lines. `post` writes what
it is given; it is the caller who keeps (or, for a planted fault, breaks) the balance of debits and credits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .scene import CALENDAR, LAST_DAY, Firm, Scene, pounds

__all__ = ["CLIENT_CLASSES", "Account", "Ledger", "Leg"]

CLIENT_CLASSES = ("MC", "BC")
_WITH_RUNNING_BALANCE = ("MC", "MO")
_POST_NUMBERS_PER_FIRM = 10_000_000


@dataclass(kw_only=True, slots=True)
class Account:
    """A ledger account and its balance so far."""

    account_id: int
    code: str
    name: str
    kind: str  # MC matter client, MO matter office, BC and BO bank, NI and NE nominal, VT VAT
    matter_id: int | None = None
    bank_id: int | None = None
    balance: int = 0  # credit positive for MC, debit positive otherwise, as the vendor shows it
    lines: int = 0

    @property
    def side(self) -> str:
        """Return C for the client books, O for the office books."""
        return "C" if self.kind in CLIENT_CLASSES else "O"

    def move(self, direction: str, pence: int) -> None:
        """Take a debit (D) or credit (C) into the balance."""
        is_increase = (direction == "C") == (self.kind == "MC")
        self.balance += pence if is_increase else -pence
        self.lines += 1


Leg = tuple[Account, str, int]


class Ledger:
    """The ledger of a firm."""

    def __init__(self, scene: Scene, firm: Firm) -> None:
        self.lines = 0
        self._scene = scene
        self._firm = firm
        self._bank_months: dict[int, Counter[int]] = {}
        self.client_bank = self._bank_account("C")
        self.office_bank = self._bank_account("O")
        self.income = self.open_account("NI", "4000", "Profit costs")
        self.vat = self.open_account("VT", "2200", "VAT on costs")
        self.charges = self.open_account("NE", "7500", "Bank charges")
        self.bad_debts = self.open_account("NE", "7900", "Bad debts")

    def open_account(self, kind: str, code: str, name: str, *, matter_id: int | None = None) -> Account:
        """Start an account; its row is written by `close_account`, with the final balance."""
        account_id = self._scene.next_id("LEDG_AC")
        return Account(account_id=account_id, code=code, name=name, kind=kind, matter_id=matter_id)

    def close_account(self, account: Account, *, wrong_by: int = 0) -> None:
        """Write the account's row with its balance (which a fault may falsify by some pence)."""
        self._scene.tally.totals["client_ledger" if account.kind == "MC" else f"ledger_{account.kind}"] += (
            account.balance
        )
        self._scene.sink.put(
            "LEDG_AC",
            AC_ID=account.account_id,
            FIRM_ID=self._firm.firm_id,
            AC_CODE=account.code,
            NAME=account.name,
            AC_CLASS=account.kind,
            MTR_ID=account.matter_id,
            BANK_ID=account.bank_id,
            BAL=pounds(account.balance + wrong_by),
            ACTIVE=1,
        )

    def post(  # noqa: PLR0913 - a posting slip has these boxes
        self,
        kind: str,
        day: int,
        legs: tuple[Leg, ...],
        *,
        narrative: str,
        matter_id: int | None = None,
        bill_id: int | None = None,
        payee: int | None = None,
        wrong_running: int = 0,
    ) -> int:
        """Write a posting and its lines, and return its number."""
        scene, firm = self._scene, self._firm
        post_id = scene.next_id("LEDG_POST")
        scene.sink.put(
            "LEDG_POST",
            POST_ID=post_id,
            FIRM_ID=firm.firm_id,
            POST_NO=f"{kind}{post_id % _POST_NUMBERS_PER_FIRM:07d}",
            PTYPE=kind,
            POST_DT=CALENDAR.iso[day],
            KEYED=scene.moment(day),
            KEYED_BY=firm.cashier,
            AUTH_BY=firm.partner if kind in {"CPY", "CTO"} else None,
            MTR_ID=matter_id,
            REF=f"BACS{post_id}" if kind != "BIL" else None,
            NARR=narrative,
            PAYEE_CT=payee,
            PERIOD=CALENDAR.period[day],
            BILL_ID=bill_id,
        )
        for number, leg in enumerate(legs, start=1):
            self._write_line(post_id, number, day, leg, wrong_running)
        return post_id

    def _write_line(self, post_id: int, number: int, day: int, leg: Leg, wrong_running: int) -> None:
        account, direction, pence = leg
        account.move(direction, pence)
        self.lines += 1
        months = self._bank_months.get(account.account_id)
        if months is not None:
            months[CALENDAR.month[day]] += pence if direction == "D" else -pence
        has_running = account.kind in _WITH_RUNNING_BALANCE
        self._scene.sink.put(
            "LEDG_LINE",
            POST_ID=post_id,
            LINE_NO=number,
            FIRM_ID=self._firm.firm_id,
            AC_ID=account.account_id,
            SIDE=account.side,
            DC=direction,
            AMT=pounds(pence),
            SEQ_NO=account.lines,
            RUN_BAL=pounds(account.balance + wrong_running) if has_running else None,
            VAT_CODE="S" if account is self.vat else None,
            CLR_DT=CALENDAR.iso[day + 2] if months is not None and day + 2 <= LAST_DAY else None,
        )

    def finish(self) -> None:
        """Write the rows of the firm's own accounts, its bank accounts and their monthly reconciliations."""
        for account in (self.client_bank, self.office_bank):
            self._write_bank(account)
            self._write_reconciliations(account)
        for account in (self.client_bank, self.office_bank, self.income, self.vat, self.charges, self.bad_debts):
            self.close_account(account)

    def _bank_account(self, side: str) -> Account:
        kind, code = ("BC", "1210") if side == "C" else ("BO", "1200")
        account = self.open_account(kind, code, "Client bank account" if side == "C" else "Office bank account")
        account.bank_id = self._scene.next_id("BANK_AC")
        self._bank_months[account.account_id] = Counter()
        return account

    def _write_bank(self, account: Account) -> None:
        label = "Client Account" if account.kind == "BC" else "Office Account"
        self._scene.sink.put(
            "BANK_AC",
            BANK_ID=account.bank_id,
            FIRM_ID=self._firm.firm_id,
            BR_CODE=self._firm.branches[0],
            BTYPE=account.side,
            NAME=f"{self._firm.name} {label}",
            BANK="Banc y Ddraig plc",
            SORT_CD="99-99-0" + str(self._firm.number % 10),
            AC_NO=f"{account.account_id:08d}",
            AC_ID=account.account_id,
            OPENED="2018-01-02",
            CLOSED=self._scene.sink.zero_date,
            BAL=pounds(account.balance),
            ACTIVE=1,
        )
        self._scene.tally.zero_dates += 1

    def _write_reconciliations(self, account: Account) -> None:
        months, is_client = self._bank_months[account.account_id], account.kind == "BC"
        balance, previous = 0, None
        for day in range(LAST_DAY + 1):
            if day < LAST_DAY and CALENDAR.month[day + 1] == CALENDAR.month[day]:
                continue
            balance += months[CALENDAR.month[day]]
            is_skipped = is_client and CALENDAR.iso[day].startswith("2020-04")  # the lockdown month nobody reconciled
            if not is_skipped:
                self._write_reconciliation(account, day, balance)
            elif previous is not None:
                self._scene.plant(self._firm, "recon_five_weeks")
            previous = day

    def _write_reconciliation(self, account: Account, day: int, balance: int) -> None:
        is_client = account.kind == "BC"
        is_wrong = is_client and CALENDAR.iso[day].startswith("2021-09")  # a list of balances run a day late
        if is_wrong:
            self._scene.plant(self._firm, "recon_three_way")
        unpresented = self._scene.dice.between(0, 5) * 12_550
        self._scene.sink.put(
            "BANK_REC",
            REC_ID=self._scene.next_id("BANK_REC"),
            FIRM_ID=self._firm.firm_id,
            BANK_ID=account.bank_id,
            AS_AT=CALENDAR.iso[day],
            STMT_BAL=pounds(balance + unpresented),
            BOOK_BAL=pounds(balance),
            LEDG_TOT=pounds(balance + (12_345 if is_wrong else 0)) if is_client else None,
            UNPRES=pounds(unpresented),
            LODGE=pounds(0),
            DIFF=pounds(0),
            PREP_BY=self._firm.cashier,
            SIGN_BY=self._firm.partner,
            SIGN_AT=self._scene.moment(min(day + 3, LAST_DAY)),
        )
