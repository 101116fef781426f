"""What a generated practice holds that a test, or a demonstration, can check an export against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .scene import Tally

__all__ = ["Planted", "planted_from"]

CREDENTIALS = (
    "USR_MAST.PWD_HASH",
    "USR_MAST.PWD_SALT",
    "USR_MAST.API_TOKEN",
    "APP_SESS.SESS_TOKEN",
    "SYS_PARAM.PVALUE",
)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Exact expectations; the amounts are in pence.

    Attributes:
        rows: Rows written, by source table.
        firms: The tenants' FIRM_IDs.
        rules: Rows that each legal rule must report, by canonical rule id, over all firms.
        rules_by_firm: The same for each FIRM_ID alone.
        unreadable: Dates no calendar knows, by canonical `entity.field`.
        quarantined: Rows that cannot satisfy the canonical model, by entity.
        unresolved: Optional references that lead nowhere, by canonical `entity.field`.
        documents: Documents, e-mails and scans by their `file_availability` code.
        client_ledger_pence: What all client ledgers hold.
        unpaid_bills_pence: The stored outstanding amounts of all bills.
        office_ledger_pence: What clients owe on all office ledgers.
        time_value_pence: The value of the time recorded on matters that exist.
        zero_dates: `0000-00-00` values, on MariaDB and MySQL only (NULL elsewhere).
        credentials: Columns that hold secrets.
    """

    rows: dict[str, int]
    firms: tuple[int, ...]
    rules: dict[str, int]
    rules_by_firm: dict[int, dict[str, int]]
    unreadable: dict[str, int]
    quarantined: dict[str, int]
    unresolved: dict[str, int]
    documents: dict[str, int]
    client_ledger_pence: int
    office_ledger_pence: int
    unpaid_bills_pence: int
    time_value_pence: int
    zero_dates: int
    credentials: tuple[str, ...] = CREDENTIALS


def planted_from(tally: Tally, *, rows: dict[str, int], has_zero_dates: bool) -> Planted:
    """Close the tally."""
    total: Counter[str] = Counter()
    for counts in tally.rules.values():
        total.update(counts)
    return Planted(
        rows=rows,
        firms=tuple(tally.rules),
        rules=dict(sorted(total.items())),
        rules_by_firm={firm_id: dict(sorted(counts.items())) for firm_id, counts in tally.rules.items()},
        unreadable=dict(sorted(tally.unreadable.items())),
        quarantined=dict(sorted(tally.quarantined.items())),
        unresolved=dict(sorted(tally.unresolved.items())),
        documents=dict(sorted(tally.documents.items())),
        client_ledger_pence=tally.totals["client_ledger"],
        office_ledger_pence=tally.totals["ledger_MO"],
        unpaid_bills_pence=tally.totals["unpaid_bills"],
        time_value_pence=tally.totals["time_value"],
        zero_dates=tally.zero_dates if has_zero_dates else 0,
    )
