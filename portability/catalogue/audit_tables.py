"""The audit chain, its checkpoints, and the sealed chain: rows that are only ever added, at the end.

Triggers refuse every change, removal and gap, in both DBMSs. They guard against a slip; whoever owns the database can
drop them, which is what the hashes, the signed checkpoints and the anchors outside are for (docs/audit.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    Table,
    Text,
    and_,
    func,
    insert,
    literal_column,
    select,
    text,
)

from portability.catalogue.metadata import METADATA, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from portability.catalogue.connection import Transaction

__all__ = [
    "GUARDED",
    "SUBJECT_SQL",
    "AuditRow",
    "CheckpointRow",
    "SlotRow",
    "add_checkpoint",
    "add_entry",
    "add_slots",
    "count_entries",
    "iter_checkpoints",
    "iter_entries",
    "iter_slots",
    "last_checkpoint",
    "last_entry",
    "last_slot",
    "newest_about",
    "server_moment",
]

audit_entry = Table(
    "audit_entry",
    METADATA,
    Column("sequence", NUMBER, primary_key=True, autoincrement=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("document", Text, nullable=False),
)
audit_checkpoint = Table(
    "audit_checkpoint",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
sealed_slot = Table(
    "sealed_slot",
    METADATA,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)
# An entry's subject, which is the last member of its canonical form and has these characters only; the index
# audit_entry_subject is over exactly this. Whatever a document was damaged to, it has some subject and no error.
_BARE = """rtrim(document, '"}')"""
_SUBJECT_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+#=,()-"
_SUBJECT = f"substr({_BARE}, length(rtrim({_BARE}, '{_SUBJECT_CHARACTERS}')) + 1)"
SUBJECT_SQL = {"sqlite": _SUBJECT, "postgresql": f'({_SUBJECT}) COLLATE "C"'}
GUARDED = {
    "audit_entry": "sequence",
    "audit_checkpoint": "number",
    "sealed_slot": "position",
    "operator_step": "number",
}


class AuditRow(NamedTuple):
    """An entry as it lies there; nothing says yet that it is whole."""

    sequence: int
    previous: str
    hash: str
    document: str


class CheckpointRow(NamedTuple):
    """A checkpoint as it lies there."""

    number: int
    sequence: int
    document: str
    signature: str


class SlotRow(NamedTuple):
    """A slot of the sealed chain as it lies there."""

    position: int
    previous: str
    hash: str
    ciphertext: bytes


def add_entry(transaction: Transaction, row: AuditRow) -> None:
    """Add an entry behind the last."""
    transaction.execute(insert(audit_entry).values(row._asdict()))


def last_entry(transaction: Transaction) -> AuditRow | None:
    """Return the last entry."""
    found = transaction.execute(select(audit_entry).order_by(audit_entry.c.sequence.desc()).limit(1)).first()
    return None if found is None else AuditRow._make(found)


def newest_about(transaction: Transaction, start: str, *, stating: str) -> AuditRow | None:
    """Return the last entry that states a certain detail and whose subject is ``start``.

    Where ``start`` ends with a colon, the subject starts with it.
    """
    subject: ColumnElement[str] = literal_column(f"({SUBJECT_SQL[transaction.dialect]})", Text)
    among = subject == start
    if start.endswith(":"):
        among = and_(subject >= start, subject < f"{start[:-1]};")  # the character behind the colon
    # The sum keeps the DBMS from walking back along the primary key instead of using the index.
    newest = (audit_entry.c.sequence + 0).desc()
    states = audit_entry.c.document.contains(f'"{stating}":', autoescape=True)
    found = transaction.execute(select(audit_entry).where(among, states).order_by(newest).limit(1)).first()
    return None if found is None else AuditRow._make(found)


def server_moment(transaction: Transaction) -> datetime | None:
    """Return what the DBMS's own clock says; None where it has none but this machine's."""
    if transaction.dialect != "postgresql":
        return None
    found: datetime = transaction.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def iter_entries(transaction: Transaction, *, after: int = 0, until: int | None = None) -> Iterator[AuditRow]:
    """Yield entries in order, those above ``after`` and up to ``until``."""
    query = select(audit_entry).where(*_between(audit_entry.c.sequence, after, until)).order_by(audit_entry.c.sequence)
    return (AuditRow._make(row) for row in transaction.stream(query))


def count_entries(transaction: Transaction) -> int:
    """Return how many entries there are."""
    return int(transaction.execute(select(func.count()).select_from(audit_entry)).scalar_one())


def add_checkpoint(transaction: Transaction, row: CheckpointRow) -> None:
    """Add a checkpoint behind the last."""
    transaction.execute(insert(audit_checkpoint).values(row._asdict()))


def last_checkpoint(transaction: Transaction) -> CheckpointRow | None:
    """Return the last checkpoint."""
    found = transaction.execute(select(audit_checkpoint).order_by(audit_checkpoint.c.number.desc()).limit(1)).first()
    return None if found is None else CheckpointRow._make(found)


def iter_checkpoints(transaction: Transaction) -> Iterator[CheckpointRow]:
    """Yield the checkpoints in order."""
    rows = transaction.stream(select(audit_checkpoint).order_by(audit_checkpoint.c.number))
    return (CheckpointRow._make(row) for row in rows)


def add_slots(transaction: Transaction, rows: list[SlotRow]) -> None:
    """Add slots behind the last."""
    transaction.execute(insert(sealed_slot), [row._asdict() for row in rows])


def last_slot(transaction: Transaction) -> SlotRow | None:
    """Return the last slot."""
    found = transaction.execute(select(sealed_slot).order_by(sealed_slot.c.position.desc()).limit(1)).first()
    return None if found is None else SlotRow._make(found)


def iter_slots(transaction: Transaction, *, after: int = 0, until: int | None = None) -> Iterator[SlotRow]:
    """Yield slots in order, those above ``after`` and up to ``until``."""
    query = select(sealed_slot).where(*_between(sealed_slot.c.position, after, until)).order_by(sealed_slot.c.position)
    return (SlotRow._make(row) for row in transaction.stream(query))


def _between(column: ColumnElement[int], after: int, until: int | None) -> list[ColumnElement[bool]]:
    return [column > after] if until is None else [column > after, column <= until]
