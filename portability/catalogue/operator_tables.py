"""The register of operators, as the signed steps that made it; the register itself is what replaying them gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Column, Integer, Table, Text, insert, select

from portability.catalogue.metadata import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.catalogue.connection import Transaction

__all__ = ["OperatorStepRow", "add_operator_step", "iter_operator_steps"]

operator_step = Table(
    "operator_step",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("signature", Text, nullable=False),
)


class OperatorStepRow(NamedTuple):
    """A step of the register as it lies there."""

    number: int
    document: str
    signature: str


def add_operator_step(transaction: Transaction, row: OperatorStepRow) -> None:
    """Add a step behind the last."""
    transaction.execute(insert(operator_step).values(row._asdict()))


def iter_operator_steps(transaction: Transaction) -> Iterator[OperatorStepRow]:
    """Yield the steps in order."""
    rows = transaction.execute(select(operator_step).order_by(operator_step.c.number))
    return (OperatorStepRow._make(row) for row in rows)
