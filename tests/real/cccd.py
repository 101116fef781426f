"""Fills a database that holds Claim for Crown Court Defence's definition with the seeded life of a billing service.

Call `fill` once on a database loaded with the system's definition and its shipped reference rows. Firms and chambers
claim legal aid fees from the agency: drafts, submitted, authorised, refused, rejected and cloned, archived claims. All
relations but six hold only by convention, parents are polymorphic, money is unbounded numeric and once a float, lists
are YAML in text, moments are UTC without saying so. Every table gets rows. Planted besides: a soft-deleted claim, a
claim that names nobody, a total that is not its parts' sum, a distance too fine for four decimals, an infinite date, a
persona whose user is lost, attendances of a lost expense, files that are missing or not of the stated size.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import psycopg
from psycopg.types.json import Json

from tests.real.cccd_rows import FIRST_DAY, Offices, Rows, Storage, fill_offices, stamps, yaml_list

__all__ = ["Filled", "fill"]

PENNY = Decimal("0.01")
VAT = Decimal("0.2")
DECIDED = {"authorised", "part_authorised", "refused", "archived_pending_delete"}
STATES = ["draft", "submitted", "allocated", "authorised", "part_authorised", "refused", "rejected"]
STATES += ["redetermination", "archived_pending_delete"]
KINDS = ["AdvocateClaim", "LitigatorClaim", "AdvocateHardshipClaim", "InterimClaim", "TransferClaim"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What the database and the documents directory hold now; money in pence, summed by the server."""

    rows: dict[str, int]
    money: dict[str, int]  # "table.column" -> pence, over all rows
    files: int
    missing_documents: int
    wrong_size: int  # blobs that state a size their object has not
    infinite_dates: int


def fill(connection_url: str, documents_dir: Path, *, seed: int = 1, cases: int = 40) -> Filled:
    """Insert the generated rows and write the stored objects.

    Args:
        connection_url: ``postgresql://user@host:port/database`` with definition and reference rows loaded.
        documents_dir: The object store's bucket: one file per blob, named by its key.
        seed: The same seed gives the same rows and files.
        cases: Number of claims; all else grows with it.
    """
    documents_dir.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(connection_url) as connection:
        rows = Rows(connection, random.Random(seed))
        storage = Storage(rows, documents_dir)
        _Claims(rows, storage, fill_offices(rows)).live(cases)
        return Filled(
            rows=rows.counts(),
            money=_money(rows),
            files=storage.files,
            missing_documents=storage.missing,
            wrong_size=storage.wrong_size,
            infinite_dates=rows.number("SELECT count(*) FROM claims WHERE NOT isfinite(valid_until)"),
        )


def _money(rows: Rows) -> dict[str, int]:
    columns = {
        "claims": ["total", "vat_amount", "fees_total", "expenses_total", "disbursements_total"],
        "fees": ["amount"],
        "expenses": ["amount", "vat_amount"],
        "disbursements": ["net_amount", "vat_amount", "total"],
        "determinations": ["fees", "expenses", "disbursements", "total", "vat_amount"],
    }
    pence = "SELECT sum((cast({column} AS numeric) * 100)::bigint) FROM {table}"
    return {
        f"{table}.{column}": rows.number(pence.format(table=table, column=column))
        for table, names in columns.items()
        for column in names
    }


class _Claims:
    """Writes claims one by one, each with all that hangs on it."""

    def __init__(self, rows: Rows, storage: Storage, offices: Offices) -> None:
        self._rows = rows
        self._storage = storage
        self._offices = offices
        self._rng = rows.rng
        self._courts = rows.ids("SELECT id FROM courts ORDER BY id")
        self._offences = rows.ids("SELECT id FROM offences ORDER BY id")
        self._fee_types = rows.ids("SELECT id FROM fee_types ORDER BY id")

    def live(self, cases: int) -> None:
        """Write the claims and the reports about them."""
        previous = None
        for number in range(1, cases + 1):
            state = STATES[number % len(STATES)]
            claim = self._claim(number, state, previous)
            previous = claim if state == "rejected" else None
            self._defendants(claim, number)
            self._bill(claim, number)
            if state in DECIDED:
                self._determinations(claim, number)
            self._history(claim, number, state)
            self._documents(claim, number)
            self._messages(claim, number)
            self._details(claim, number)
            self._management_information(claim, number, state)
        self._reports(max(2, cases // 10))
        self._oddities()

    # -- the claim ------------------------------------------------------------------------------------------------

    def _claim(self, number: int, state: str, clone_of: int | None) -> int:
        begun = FIRST_DAY + timedelta(days=number * 9)
        kind = KINDS[number % len(KINDS)]
        owner = self._rng.choice(self._offices.advocates if "Advocate" in kind else self._offices.litigators)
        hardship = "Hardship" in kind
        return self._rows.add(
            "claims",
            type=f"Claim::{kind}",
            state=state,
            external_user_id=owner,
            creator_id=owner,
            case_number=f"T2016{number // 2:04d}",
            providers_ref=f"REF/{number}/Ü" if number % 3 else None,
            supplier_number=self._rng.choice(self._offices.supplier_numbers) if "Advocate" not in kind else "00XYZ",
            court_id=self._rng.choice(self._courts),
            transfer_court_id=self._courts[0] if number % 10 == 0 else None,
            transfer_case_number="S20160001" if number % 10 == 0 else None,
            offence_id=self._rng.choice(self._offences),
            case_type_id=None if hardship else number % 13 + 1,
            case_stage_id=1 if hardship else None,
            clone_source_id=clone_of,
            apply_vat=number % 4 != 0,
            source=["web", "api", "json_import"][number % 3],
            form_id=str(self._rows.uuid()),
            advocate_category="Junior alone" if "Advocate" in kind else None,
            evidence_checklist_ids=yaml_list("1", "4"),
            additional_information="See the “special preparation” form.\r\nΣ pages > 10,000" if number % 3 else None,
            deleted_at=begun + timedelta(days=30) if number == 17 else None,
            valid_until=self._valid_until(number, state),
            london_rates_apply=[True, False, None][number % 3],
            value_band_id=10,
            **_moments(begun, state),
            **_trial(begun, number),
            **stamps(begun),
        )

    def _valid_until(self, number: int, state: str) -> object:
        if number == 11:
            return "infinity"
        return FIRST_DAY + timedelta(days=900) if state == "archived_pending_delete" else None

    def _defendants(self, claim: int, number: int) -> None:
        if number % 18 == 0:
            return  # a draft saved before anybody was named
        for turn in range(1 + (number % 5 == 0)):
            defendant = self._rows.add(
                "defendants",
                claim_id=claim,
                date_of_birth=f"{1960 + number % 40}-02-28" if turn == 0 else None,
                order_for_judicial_apportionment=turn == 1,
                **self._rows.name(),
                **stamps(),
            )
            for order in range(1 + number % 2):
                values = {"maat_reference": str(4_000_000 + number * 10 + order), "defendant_id": defendant}
                day = FIRST_DAY + timedelta(days=number)
                self._rows.add("representation_orders", representation_order_date=day.date(), **values, **stamps())

    # -- money ----------------------------------------------------------------------------------------------------

    def _bill(self, claim: int, number: int) -> None:
        rate = VAT if number % 4 else Decimal(0)
        fees = self._fees(claim, number)
        expenses, expenses_vat = self._expenses(claim, number, rate)
        disbursements, disbursements_vat = self._disbursements(claim, number, rate)
        fees_vat = _pennies(fees * rate)
        total = fees + expenses + disbursements
        self._rows.set(
            "claims",
            claim,
            fees_total=fees,
            fees_vat=fees_vat,
            expenses_total=expenses,
            expenses_vat=expenses_vat,
            disbursements_total=disbursements,
            disbursements_vat=disbursements_vat,
            total=total + PENNY if number == 13 else total,
            vat_amount=fees_vat + expenses_vat + disbursements_vat,
        )

    def _fees(self, claim: int, number: int) -> Decimal:
        total = Decimal(0)
        for turn in range(1 + number % 3):
            quantity = Decimal(number % 4) + Decimal("0.5")
            rate = Decimal(self._rng.randrange(1, 90_000)) / 100
            amount = _pennies(quantity * rate)
            fee = self._rows.add(
                "fees",
                claim_id=claim,
                type=["Fee::BasicFee", "Fee::MiscFee", "Fee::WarrantFee"][turn],
                fee_type_id=self._rng.choice(self._fee_types),
                quantity=quantity,
                rate=rate,
                amount=amount,
                price_calculated=turn == 0,
                case_numbers="T20167777,T20167778" if turn == 1 else None,
                warrant_issued_date=FIRST_DAY.date() if turn > 1 else None,
                **stamps(FIRST_DAY + timedelta(days=number)),
            )
            total += amount
            day = FIRST_DAY + timedelta(days=number)
            values = {"attended_item_type": "Fee::BaseFee", "attended_item_id": fee, "date": day.date()}
            self._rows.add("dates_attended", **values, date_to=day.date() if turn else None, **stamps())
        return total

    def _expenses(self, claim: int, number: int, rate: Decimal) -> tuple[Decimal, Decimal]:
        if number % 2:
            return Decimal(0), Decimal(0)
        amount = Decimal(self._rng.randrange(500, 30_000)) / 100
        vat = _pennies(amount * rate)
        expense = self._rows.add(
            "expenses",
            claim_id=claim,
            expense_type_id=11 + number % 9,
            amount=amount,
            vat_amount=vat,
            date=(FIRST_DAY + timedelta(days=number)).date() if number % 4 else None,
            distance=Decimal("12.3456789") if number == 6 else Decimal("27.5"),
            calculated_distance=Decimal(27),
            mileage_rate_id=2,
            quantity=1.25,
            location="Caernarfon Crown Court",
            location_type="crown_court",
            reason_id=5,
            reason_text="Défendant moved",
            schema_version=2,
            **stamps(),
        )
        values = {"attended_item_type": "Expense", "attended_item_id": expense, "date": FIRST_DAY.date()}
        self._rows.add("dates_attended", **values, **stamps())
        return amount, vat

    def _disbursements(self, claim: int, number: int, rate: Decimal) -> tuple[Decimal, Decimal]:
        net = Decimal(self._rng.randrange(1_000, 400_000)) / 100
        vat = _pennies(net * rate)
        values = {"net_amount": net, "vat_amount": vat, "total": net + vat}
        self._rows.add("disbursements", claim_id=claim, disbursement_type_id=1 + number % 32, **values, **stamps())
        return net, vat

    def _determinations(self, claim: int, number: int) -> None:
        for turn, kind in enumerate(["Assessment", "Redetermination"][: 1 + number % 2]):
            fees = Decimal(self._rng.randrange(100, 300_000)) / 100
            moment = FIRST_DAY + timedelta(days=400 + turn)
            values = {"fees": fees, "expenses": Decimal("1.10"), "disbursements": Decimal("0.2")}
            total = sum(values.values(), Decimal(0))
            vat = float(_pennies(total * VAT))
            self._rows.add(
                "determinations", claim_id=claim, type=kind, total=total, vat_amount=vat, **values, **stamps(moment)
            )

    # -- life -----------------------------------------------------------------------------------------------------

    def _history(self, claim: int, number: int, state: str) -> None:
        worker = self._rng.choice(self._offices.case_workers)
        author = self._offices.users["CaseWorker", worker]
        begun = FIRST_DAY + timedelta(days=number * 9)
        path = ["draft"] if state == "draft" else ["draft", "submitted", "allocated", state]
        for turn, (before, after) in enumerate(zip([None, *path], path, strict=False)):
            moment = begun + timedelta(days=turn * 5)
            reason = {"reason_code": yaml_list("no_rep_order"), "reason_text": "Pas d’ordre"} if turn > 2 else {}
            links = {"claim_id": claim, "author_id": author, "namespace": "default", "event": f"to_{after}"}
            self._rows.add(
                "claim_state_transitions", **{"from": before, "to": after}, created_at=moment, **links, **reason
            )
            self._rows.add(
                "versions",
                item_type="Claim::BaseClaim",
                item_id=claim,
                event="update",
                whodunnit=str(author) if turn else None,
                object=f"---\nid: {claim}\nstate: {before}\n",
                object_changes=f"---\nstate:\n- {before}\n- {after}\n",
                created_at=moment,
            )
        if state == "allocated":
            self._rows.add("case_worker_claims", case_worker_id=worker, claim_id=claim, **stamps())

    def _documents(self, claim: int, number: int) -> None:
        common = {"claim_id": claim, "external_user_id": self._offices.advocates[0], "form_id": str(self._rows.uuid())}
        document = self._rows.add("documents", **common, creator_id=1, verified=True, **stamps())
        pdf = "application/pdf"
        blob = self._storage.blob(f"Représentation order {number}.docx", "application/msword")
        self._storage.attach(blob, "Document", document, "document")
        if number % 2:
            preview = self._storage.blob(f"Représentation order {number}.pdf", pdf)
            self._storage.attach(preview, "Document", document, "converted_preview_document")
            self._rows.add("active_storage_variant_records", blob_id=preview, variation_digest=f"digest{number}")
        if number % 5 == 0:  # before Active Storage, and never moved
            path = f"documents/000/000/{number:03d}/original/Brief n° {number}.pdf"
            content = b"" if number % 2 else f"{path}\n".encode() * 9
            self._storage.put(path, content)
            size = len(content) or 1234
            self._rows.add("documents", **common, file_path=path, verified=True, verified_file_size=size, **stamps())

    def _messages(self, claim: int, number: int) -> None:
        users = list(self._offices.users.values())
        for turn in range(number % 3):
            moment = FIRST_DAY + timedelta(days=number * 9, hours=turn)
            body = "Please send the “MG16” — thanks 🙂" if turn else "Written reasons, s.v.p."
            message = self._rows.add("messages", claim_id=claim, sender_id=users[turn], body=body, **stamps(moment))
            for user in users[:3]:
                values = {"message_id": message, "user_id": user, "read": user == users[turn]}
                self._rows.add("user_message_statuses", **values, **stamps(moment))
            if turn:
                blob = self._storage.blob(f"MG16 {number}.pdf", "application/pdf")
                self._storage.attach(blob, "Message", message, "attachments")

    def _details(self, claim: int, number: int) -> None:
        day = (FIRST_DAY + timedelta(days=number)).date()
        kind = KINDS[number % len(KINDS)]
        certified = {"certification_type_id": 1 + number % 2, "certified_by": "Siân O’Hagan"}
        self._rows.add("certifications", claim_id=claim, certification_date=day, **certified, **stamps())
        self._rows.add("claim_intentions", form_id=str(self._rows.uuid()), user_id=1, **stamps())
        if kind == "TransferClaim":
            values = {"litigator_type": "new", "elected_case": False, "transfer_stage_id": 10, "case_conclusion_id": 20}
            self._rows.add("transfer_details", claim_id=claim, transfer_date=day, **values)
        if kind == "InterimClaim":
            values = {"warrant_fee_paid": True, "warrant_issued_date": day, "warrant_executed_date": None}
            self._rows.add("interim_claim_info", claim_id=claim, **values)
        if number % 4 == 0:
            errors = Json({"errors": [{"error": "No defendant found for rep order № 12345678901234567890"}]})
            good = number % 8 == 0
            values = {"succeeded": good, "error_messages": None if good else errors}
            self._rows.add("injection_attempts", claim_id=claim, **values, **stamps())

    def _management_information(self, claim: int, number: int, state: str) -> None:
        if state in DECIDED:
            names = {"case_type": "Trial", "court": "Leeds", "provider_name": "Łącki & Partners", "scheme_name": "AGFS"}
            values = {"amount_claimed": Decimal("10.00"), "ppe": number, "num_of_documents": claim % 3}
            self._rows.add("mi_data", created_at=FIRST_DAY, **names, **values)

    def _reports(self, count: int) -> None:
        for number in range(count):
            times = {"started_at": FIRST_DAY, "completed_at": FIRST_DAY + timedelta(minutes=number)}
            report = self._rows.add("stats_reports", report_name="management_information", status="completed", **times)
            blob = self._storage.blob(f"management_information_{number}.csv", "text/csv")
            self._storage.attach(blob, "Stats::StatsReport", report, "document")

    def _oddities(self) -> None:
        """Plant what no foreign key forbids."""
        lost = {"attended_item_type": "Expense", "attended_item_id": 999_999}
        self._rows.add("dates_attended", date=FIRST_DAY.date(), **lost, **stamps())
        self._rows.add("messages", claim_id=999_999, sender_id=1, body="To a claim that was purged", **stamps())
        values = {"fees": Decimal(0), "expenses": Decimal(0), "disbursements": Decimal(0), "total": Decimal(0)}
        self._rows.add("determinations", claim_id=2, type="Assessment", **values, **stamps())


def _moments(begun: datetime, state: str) -> Mapping[str, object]:
    if state == "draft":
        return {}
    submitted = begun + timedelta(days=5)
    decided = {"authorised_at": begun + timedelta(days=15)} if state in DECIDED - {"refused"} else {}
    return {"last_submitted_at": submitted, "original_submission_date": submitted, **decided}


def _trial(begun: datetime, number: int) -> Mapping[str, object]:
    day = begun.date()
    if number % 2:
        return {
            "estimated_trial_length": 3,
            "actual_trial_length": 2,
            "first_day_of_trial": day,
            "trial_concluded_at": day,
            "case_concluded_at": day + timedelta(days=7),
        }
    return {"trial_fixed_notice_at": day, "trial_cracked_at": day, "trial_cracked_at_third": "final_third"}


def _pennies(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_EVEN)
