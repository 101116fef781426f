"""Whose a chain of deposits is: the job, the class and the source that an agreement's deposits are made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from portability.catalogue.deposit_tables import deposit_chains

if TYPE_CHECKING:
    from portability.catalogue.connection import Transaction

__all__ = ["ChainOwner", "find_owner", "record_owner"]


@dataclass(frozen=True, kw_only=True)
class ChainOwner:
    """What deposits under an agreement; ``source`` is its address without a password."""

    agreement: str
    deposit_class: str
    job: str
    source: str
    recorded_at: str


def find_owner(transaction: Transaction, agreement: str) -> ChainOwner | None:
    """Return what deposits under an agreement; None when nothing has yet."""
    query = select(deposit_chains).where(deposit_chains.c.agreement == agreement)
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else ChainOwner(**row)


def record_owner(transaction: Transaction, owner: ChainOwner) -> None:
    """Record what deposits under an agreement, in the place of what did."""
    transaction.execute(delete(deposit_chains).where(deposit_chains.c.agreement == owner.agreement))
    transaction.execute(insert(deposit_chains).values(asdict(owner)))
