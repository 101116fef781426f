"""The tables of deposits: what was deposited, where it lies, which pieces it carries, and how the jobs ran."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, Table, Text, UniqueConstraint

from portability.catalogue.metadata import METADATA

__all__ = ["deposit_chains", "deposit_pieces", "deposit_placements", "deposits", "job_runs", "notices"]

deposits = Table(
    "deposits",
    METADATA,
    Column("agreement", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("deposit_class", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),  # why it is full; empty for a differential
    Column("base_sequence", BigInteger, nullable=False),  # its own when it is full
    Column("key_epoch", Text, nullable=False),
    Column("deposit_id", Text, nullable=False),
    Column("manifest_sha256", Text, nullable=False),
    Column("previous_sha256", Text),
    Column("base_sha256", Text),
    Column("watermark", Text),
    Column("next_by", Text),
    Column("sealed_at", Text, nullable=False),
    Column("sealed_bytes", BigInteger, nullable=False),
    Column("content_bytes", BigInteger, nullable=False),
    Column("archive_bytes", BigInteger, nullable=False),  # of the archive that it stands for
    Column("state", Text, nullable=False),
    Column("spool", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("moved_at", Text, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("signature", Text, nullable=False),
    CheckConstraint("sequence >= 1", name="sequence"),
    CheckConstraint("kind IN ('full', 'differential')", name="kind"),
    CheckConstraint(
        "state IN ('SPOOLED', 'UPLOADED', 'PUBLISHED', 'RECEIVED', 'VERIFIED', 'CURRENT', 'LOST')", name="state"
    ),
)

# Whose a chain is: what deposits under an agreement, so that nothing else does by mistake.
deposit_chains = Table(
    "deposit_chains",
    METADATA,
    Column("agreement", Text, primary_key=True),
    Column("deposit_class", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
)

_OF_A_DEPOSIT = ["deposits.agreement", "deposits.sequence"]

deposit_placements = Table(
    "deposit_placements",
    METADATA,
    Column("agreement", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("depository", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("moment", Text, nullable=False),
    Column("sent_bytes", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    ForeignKeyConstraint(["agreement", "sequence"], _OF_A_DEPOSIT, ondelete="CASCADE"),
    CheckConstraint("state IN ('COMMITTED', 'CONFLICT', 'FAILED')", name="state"),
)

# Only keyed hashes and encrypted places: whoever has the catalogue alone learns of no document that it was deposited.
deposit_pieces = Table(
    "deposit_pieces",
    METADATA,
    Column("agreement", Text, primary_key=True),
    Column("base_sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("piece_key", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("location", Text, nullable=False),
    ForeignKeyConstraint(["agreement", "sequence"], _OF_A_DEPOSIT, ondelete="CASCADE"),
)
Index("ix_deposit_pieces_agreement_sequence", deposit_pieces.c.agreement, deposit_pieces.c.sequence)

job_runs = Table(
    "job_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("agreement", Text, nullable=False),
    Column("due_at", Text),  # the moment of the schedule that it answers; none for a run by hand
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("outcome", Text, nullable=False),
    Column("sequence", BigInteger),
    Column("detail", Text, nullable=False),
    CheckConstraint("outcome IN ('running', 'done', 'waiting', 'failed', 'killed')", name="outcome"),
    Index("ix_job_runs_agreement_started_at", "agreement", "started_at"),
)

notices = Table(
    "notices",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Text, nullable=False),  # which happening: no two notices of one
    Column("channel", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("delivered_at", Text),
    Column("attempts", BigInteger, nullable=False),
    Column("next_attempt_at", Text, nullable=False),
    Column("failure", Text, nullable=False),
    UniqueConstraint("job", "event", "subject", "channel"),
)
