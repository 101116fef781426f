"""Requests as the signed steps that make them; the register of policy documents.

A request is nothing but its steps and the kind it was opened under; where it stands is computed from them. Rows
are only ever added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint, func, insert, select

from portability.catalogue.metadata import METADATA, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portability.catalogue.connection import Transaction

__all__ = [
    "PolicyRow",
    "RequestStepRow",
    "add_kinds",
    "add_policy_step",
    "add_request_step",
    "iter_kinds",
    "iter_policy_steps",
    "iter_request_steps",
    "last_request",
]

request_step = Table(
    "request_step",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("request", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("statement", Text, nullable=False),
    Column("signature", Text, nullable=False),
    UniqueConstraint("request", "sequence"),
)
request_kind = Table(
    "request_kind",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
policy_step = Table(
    "policy_step",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False),
    Column("signature", Text, nullable=False),
)


class RequestStepRow(NamedTuple):
    """A step of a request as it lies there; nothing says yet that it is whole."""

    number: int
    request: int
    sequence: int
    statement: str
    signature: str


class PolicyRow(NamedTuple):
    """A step of the register of policy documents as it lies there."""

    number: int
    statement: str
    signature: str


def add_request_step(transaction: Transaction, *, request: int, sequence: int, statement: str, signature: str) -> None:
    """Add a step behind the last of all requests."""
    number = 1 + (transaction.execute(select(func.max(request_step.c.number))).scalar() or 0)
    row = RequestStepRow(number, request, sequence, statement, signature)
    transaction.execute(insert(request_step).values(row._asdict()))


def last_request(transaction: Transaction) -> int:
    """Return the highest number that a request has; 0 when there is none."""
    return int(transaction.execute(select(func.max(request_step.c.request))).scalar() or 0)


def iter_request_steps(transaction: Transaction, *, request: int | None = None) -> Iterator[RequestStepRow]:
    """Yield steps, request by request, each in its order; all requests' when none is named."""
    query = select(request_step).order_by(request_step.c.request, request_step.c.sequence)
    if request is not None:
        query = query.where(request_step.c.request == request)
    return (RequestStepRow._make(row) for row in transaction.execute(query))


def iter_kinds(transaction: Transaction) -> Iterator[tuple[str, str]]:
    """Yield every kind that a request may have been opened under: hash and document."""
    return ((row.sha256, row.document) for row in transaction.execute(select(request_kind)))


def add_kinds(transaction: Transaction, documents: Mapping[str, str]) -> None:
    """Keep kinds by their hashes, those that are not kept yet."""
    known = {sha256 for sha256, _ in iter_kinds(transaction)}
    rows = [{"sha256": key, "document": text} for key, text in sorted(documents.items()) if key not in known]
    if rows:
        transaction.execute(insert(request_kind), rows)


def add_policy_step(transaction: Transaction, *, statement: str, signature: str) -> None:
    """Add a step behind the last."""
    number = 1 + (transaction.execute(select(func.max(policy_step.c.number))).scalar() or 0)
    transaction.execute(insert(policy_step).values(PolicyRow(number, statement, signature)._asdict()))


def iter_policy_steps(transaction: Transaction) -> Iterator[PolicyRow]:
    """Yield the steps in order."""
    rows = transaction.execute(select(policy_step).order_by(policy_step.c.number))
    return (PolicyRow._make(row) for row in rows)
