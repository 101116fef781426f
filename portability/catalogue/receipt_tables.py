"""The tables of receipts and drills: what agents signed for, and when a restore was last tried."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text

from portability.catalogue.metadata import METADATA

__all__ = ["drills", "receipts"]

# A receipt may come for a deposit that this catalogue does not know: one that was lost and begun anew. It is kept.
receipts = Table(
    "receipts",
    METADATA,
    Column("agreement", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("depository", Text, primary_key=True),
    Column("manifest_sha256", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    CheckConstraint("result IN ('pass', 'fail')", name="result"),
)

drills = Table(
    "drills",
    METADATA,
    Column("sha256", Text, primary_key=True),  # of the statement
    Column("agreement", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("level", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    CheckConstraint("result IN ('PASSED', 'WARNED', 'FAILED')", name="result"),
    Index("ix_drills_agreement_started_at", "agreement", "started_at"),
)
