"""Receipts and drills in the catalogue: written once; a receipt gives way only to one that names it by hash."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import insert, select, update

from portability.catalogue.receipt_tables import drills, receipts
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from portability.catalogue.connection import Transaction

__all__ = ["DrillRow", "ReceiptRow", "list_drills", "list_receipts", "record_drill", "record_receipt"]


@dataclass(frozen=True, kw_only=True)
class ReceiptRow:
    """An agent's receipt as it was fetched: document and signature exactly."""

    agreement: str
    sequence: int
    depository: str
    manifest_sha256: str
    result: Literal["pass", "fail"]
    level: str
    received_at: str
    signer: str
    document: str
    signature: str
    recorded_at: str


@dataclass(frozen=True, kw_only=True)
class DrillRow:
    """A drill of a deposit; ``document`` is its statement, ``sha256`` that one's hash."""

    sha256: str
    agreement: str
    sequence: int
    level: str
    result: Literal["PASSED", "WARNED", "FAILED"]
    started_at: str
    signer: str
    document: str
    recorded_at: str


def record_receipt(transaction: Transaction, row: ReceiptRow, *, replaces_sha256: str = "") -> bool:
    """Keep a receipt; return whether it is new.

    Args:
        transaction: The writing one.
        row: The receipt.
        replaces_sha256: The hash of the document that it was given instead of, as it says itself, signed.

    Raises:
        CatalogueError: Another receipt of this depository is there for the deposit: one of the two was exchanged.
    """
    where = (
        (receipts.c.agreement == row.agreement)
        & (receipts.c.sequence == row.sequence)
        & (receipts.c.depository == row.depository)
    )
    before = transaction.execute(select(receipts.c.document).where(where)).scalar()
    if before is None:
        transaction.execute(insert(receipts).values(asdict(row)))
        return True
    if before != row.document and hashlib.sha256(before.encode()).hexdigest() == replaces_sha256:
        transaction.execute(update(receipts).where(where).values(asdict(row)))
        return True
    if before != row.document:
        hint = "The catalogue keeps the first. Ask the agent which of the two it gave."
        message = "another receipt lies there now than the one that was fetched before"
        place = f"{row.depository}: {row.agreement}/{row.sequence:06d}"
        raise CatalogueError(message, place=place, hint=hint)
    return False


def list_receipts(transaction: Transaction, agreement: str | None = None) -> tuple[ReceiptRow, ...]:
    """Return receipts by agreement, number and depository."""
    query = select(receipts).order_by(receipts.c.agreement, receipts.c.sequence, receipts.c.depository)
    if agreement is not None:
        query = query.where(receipts.c.agreement == agreement)
    return tuple(ReceiptRow(**row) for row in transaction.execute(query).mappings())


def record_drill(transaction: Transaction, row: DrillRow) -> None:
    """Keep a drill; the same statement twice is one."""
    if transaction.execute(select(drills.c.sha256).where(drills.c.sha256 == row.sha256)).scalar() is None:
        transaction.execute(insert(drills).values(asdict(row)))


def list_drills(transaction: Transaction, agreement: str) -> tuple[DrillRow, ...]:
    """Return an agreement's drills that did not fail, the oldest first."""
    query = select(drills).where((drills.c.agreement == agreement) & (drills.c.result != "FAILED"))
    return tuple(DrillRow(**row) for row in transaction.execute(query.order_by(drills.c.started_at)).mappings())
