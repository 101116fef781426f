"""Deposits in the catalogue: recorded when they are spooled, moved forward as they arrive, never back.

A deposit is recorded with its pieces in one transaction, before a byte of it leaves; so a sequence that any depository
has seen is known here, unless the catalogue itself was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import sqlite

from portability.catalogue.deposit_tables import deposit_pieces, deposit_placements, deposits
from portability.catalogue.moments import moment_text
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.dialects import postgresql

    from portability.catalogue.connection import Transaction

__all__ = [
    "COUNTED",
    "ON_THE_WAY",
    "Deposit",
    "DepositState",
    "PieceRow",
    "Placement",
    "drop_deposit",
    "find_deposit",
    "find_pieces",
    "forget_pieces",
    "last_deposit",
    "list_deposits",
    "list_placements",
    "move_deposit",
    "record_placement",
    "record_spooled",
]

DepositState = Literal["SPOOLED", "UPLOADED", "PUBLISHED", "RECEIVED", "VERIFIED", "CURRENT", "LOST"]
ON_THE_WAY: tuple[DepositState, ...] = ("SPOOLED", "UPLOADED")
COUNTED: tuple[DepositState, ...] = ("PUBLISHED", "RECEIVED", "VERIFIED", "CURRENT")
_ORDER: tuple[DepositState, ...] = (*ON_THE_WAY, *COUNTED)


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """A deposit as the depositor knows it.

    ``reason`` says why it is full; ``base_sequence`` is its own when it is. ``archive_bytes`` is the archive that it
    stands for, ``content_bytes`` what was sealed of it, ``sealed_bytes`` what the depositories get. ``manifest`` and
    ``signature`` are manifest.json and manifest.json.sig, exactly.
    """

    agreement: str
    sequence: int
    deposit_class: str
    job: str
    kind: str
    reason: str
    base_sequence: int
    key_epoch: str
    deposit_id: str
    manifest_sha256: str
    previous_sha256: str | None
    base_sha256: str | None
    watermark: str | None
    next_by: str | None
    sealed_at: str
    sealed_bytes: int
    content_bytes: int
    archive_bytes: int
    state: DepositState
    spool: str
    recorded_at: str
    moved_at: str
    manifest: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What became of a deposit in one depository; ``CONFLICT``: something else has its names there."""

    agreement: str
    sequence: int
    depository: str
    state: Literal["COMMITTED", "CONFLICT", "FAILED"]
    moment: str
    sent_bytes: int
    detail: str


@dataclass(frozen=True, slots=True)
class PieceRow:
    """A piece that a deposit carries: its keyed hash, and where it lies there, encrypted."""

    piece_key: str
    sequence: int
    location: str


def record_spooled(transaction: Transaction, deposit: Deposit, pieces: Iterable[PieceRow] = ()) -> None:
    """Record a deposit that lies whole in the spool, and the pieces that it carries.

    Raises:
        CatalogueError: It has this sequence already.
    """
    transaction.execute(insert(deposits).values(asdict(deposit)))
    for page in _pages(pieces):
        rows = [
            {"agreement": deposit.agreement, "base_sequence": deposit.base_sequence}
            | {"piece_key": each.piece_key, "sequence": each.sequence, "location": each.location}
            for each in page
        ]
        # A piece that is there already stays where it is: an archive may hold the same bytes twice.
        transaction.execute(_insert(transaction.dialect).on_conflict_do_nothing(), rows)


def _insert(dialect: str) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(deposit_pieces)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 -- slow, and a small team has no such catalogue

    return postgresql.insert(deposit_pieces)


def _pages(pieces: Iterable[PieceRow], rows: int = 2_000) -> Iterator[list[PieceRow]]:
    page: list[PieceRow] = []
    for each in pieces:
        page.append(each)
        if len(page) == rows:
            yield page
            page = []
    if page:
        yield page


def move_deposit(
    transaction: Transaction, agreement: str, sequence: int, state: DepositState, *, moment: datetime | None = None
) -> Deposit:
    """Move a deposit forward; to where it is already changes nothing.

    Raises:
        CatalogueError: There is no such deposit, or it would move back.
    """
    found = find_deposit(transaction, agreement, sequence)
    place = f"{agreement} {sequence}"
    if found is None:
        raise CatalogueError("there is no such deposit in the catalogue", place=place)
    if found.state == state:
        return found
    if not _may_move(found.state, state):
        raise CatalogueError(f"a deposit that is {found.state} does not become {state}", place=place)
    where = (deposits.c.agreement == agreement) & (deposits.c.sequence == sequence)
    transaction.execute(update(deposits).where(where).values(state=state, moved_at=moment_text(moment)))
    if state == "LOST":  # nothing may lean on it
        of_it = (deposit_pieces.c.agreement == agreement) & (deposit_pieces.c.sequence == sequence)
        transaction.execute(delete(deposit_pieces).where(of_it))
    moved = find_deposit(transaction, agreement, sequence)
    assert moved is not None  # noqa: S101 -- it was there a statement ago
    return moved


def _may_move(before: DepositState, after: DepositState) -> bool:
    if after == "LOST":
        return before in ON_THE_WAY
    if (before, after) == ("CURRENT", "VERIFIED"):  # a later one is current now
        return True
    return before != "LOST" and _ORDER.index(after) > _ORDER.index(before)


def drop_deposit(transaction: Transaction, agreement: str, sequence: int) -> None:
    """Forget a deposit of which nothing left the spool; its sequence is free again.

    Raises:
        CatalogueError: It is further than that.
    """
    found = find_deposit(transaction, agreement, sequence)
    if found is None or found.state != "SPOOLED":
        raise CatalogueError("only a deposit that is SPOOLED can be forgotten", place=f"{agreement} {sequence}")
    where = (deposits.c.agreement == agreement) & (deposits.c.sequence == sequence)
    transaction.execute(delete(deposits).where(where))


def find_deposit(transaction: Transaction, agreement: str, sequence: int) -> Deposit | None:
    """Return a deposit; None when the catalogue does not know it."""
    where = (deposits.c.agreement == agreement) & (deposits.c.sequence == sequence)
    return _deposit(transaction.execute(select(deposits).where(where)).mappings().one_or_none())


def last_deposit(transaction: Transaction, agreement: str, states: Sequence[DepositState] = ()) -> Deposit | None:
    """Return the deposit with the greatest sequence, of those in one of the states (in any when left out)."""
    query = select(deposits).where(deposits.c.agreement == agreement)
    if states:
        query = query.where(deposits.c.state.in_(states))
    return _deposit(transaction.execute(query.order_by(deposits.c.sequence.desc()).limit(1)).mappings().one_or_none())


def list_deposits(transaction: Transaction, agreement: str | None = None) -> tuple[Deposit, ...]:
    """Return all deposits, or those of an agreement, by agreement and sequence."""
    query = select(deposits).order_by(deposits.c.agreement, deposits.c.sequence)
    if agreement is not None:
        query = query.where(deposits.c.agreement == agreement)
    return tuple(Deposit(**row) for row in transaction.execute(query).mappings())


def _deposit(row: object) -> Deposit | None:
    return None if row is None else Deposit(**row)  # type: ignore[arg-type]


# --- where it lies ---------------------------------------------------------------------------------------------------


def record_placement(transaction: Transaction, placement: Placement) -> None:
    """Record what became of a deposit in a depository; what is committed there stays so."""
    where = (
        (deposit_placements.c.agreement == placement.agreement)
        & (deposit_placements.c.sequence == placement.sequence)
        & (deposit_placements.c.depository == placement.depository)
    )
    before = transaction.execute(select(deposit_placements.c.state).where(where)).scalar()
    if before is None:
        transaction.execute(insert(deposit_placements).values(asdict(placement)))
    elif before != "COMMITTED":
        transaction.execute(update(deposit_placements).where(where).values(asdict(placement)))


def list_placements(transaction: Transaction, agreement: str, sequence: int | None = None) -> tuple[Placement, ...]:
    """Return what is known of an agreement's deposits, or of one of them, in each depository."""
    query = select(deposit_placements).where(deposit_placements.c.agreement == agreement)
    if sequence is not None:
        query = query.where(deposit_placements.c.sequence == sequence)
    order = (deposit_placements.c.sequence, deposit_placements.c.depository)
    return tuple(Placement(**row) for row in transaction.execute(query.order_by(*order)).mappings())


# --- what it carries -------------------------------------------------------------------------------------------------


def find_pieces(
    transaction: Transaction, agreement: str, base_sequence: int, keys: Sequence[str]
) -> tuple[PieceRow, ...]:
    """Return those of the pieces that a deposit since this base carries."""
    columns = (deposit_pieces.c.piece_key, deposit_pieces.c.sequence, deposit_pieces.c.location)
    query = select(*columns).where(
        deposit_pieces.c.agreement == agreement,
        deposit_pieces.c.base_sequence == base_sequence,
        deposit_pieces.c.piece_key.in_(keys),
    )
    return tuple(PieceRow(**row) for row in transaction.execute(query).mappings())


def forget_pieces(transaction: Transaction, agreement: str, *, before: int) -> None:
    """Forget the pieces of deposits since earlier bases than this one: no deposit leans on them any more."""
    query = delete(deposit_pieces).where(
        deposit_pieces.c.agreement == agreement, deposit_pieces.c.base_sequence < before
    )
    transaction.execute(query)
