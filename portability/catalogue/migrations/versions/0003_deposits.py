"""The tables of deposits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_deposits"
down_revision = "0002_requests"
branch_labels = None
depends_on = None

_STATES = "state IN ('SPOOLED', 'UPLOADED', 'PUBLISHED', 'RECEIVED', 'VERIFIED', 'CURRENT', 'LOST')"


def upgrade() -> None:
    """Make the tables."""
    _deposits()
    _chains()
    _placements()
    _pieces()
    _runs()
    _notices()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _deposits() -> None:
    given = ("deposit_class", "job", "kind", "reason", "key_epoch", "deposit_id", "manifest_sha256", "sealed_at")
    op.create_table(
        "deposits",
        _text("agreement"),
        _number("sequence"),
        *(_text(name) for name in given),
        _number("base_sequence"),
        *(_text(name, nullable=True) for name in ("previous_sha256", "base_sha256", "watermark", "next_by")),
        *(_number(name) for name in ("sealed_bytes", "content_bytes", "archive_bytes")),
        *(_text(name) for name in ("state", "spool", "recorded_at", "moved_at", "manifest", "signature")),
        sa.PrimaryKeyConstraint("agreement", "sequence", name="pk_deposits"),
        sa.CheckConstraint("sequence >= 1", name="ck_deposits_sequence"),
        sa.CheckConstraint("kind IN ('full', 'differential')", name="ck_deposits_kind"),
        sa.CheckConstraint(_STATES, name="ck_deposits_state"),
    )


def _chains() -> None:
    op.create_table(
        "deposit_chains",
        *(_text(name) for name in ("agreement", "deposit_class", "job", "source", "recorded_at")),
        sa.PrimaryKeyConstraint("agreement", name="pk_deposit_chains"),
    )


def _of_a_deposit(table: str) -> sa.ForeignKeyConstraint:
    target = ["deposits.agreement", "deposits.sequence"]
    name = f"fk_{table}_agreement_sequence_deposits"
    return sa.ForeignKeyConstraint(["agreement", "sequence"], target, name=name, ondelete="CASCADE")


def _placements() -> None:
    op.create_table(
        "deposit_placements",
        _text("agreement"),
        _number("sequence"),
        *(_text(name) for name in ("depository", "state", "moment", "detail")),
        _number("sent_bytes"),
        sa.PrimaryKeyConstraint("agreement", "sequence", "depository", name="pk_deposit_placements"),
        _of_a_deposit("deposit_placements"),
        sa.CheckConstraint("state IN ('COMMITTED', 'CONFLICT', 'FAILED')", name="ck_deposit_placements_state"),
    )


def _pieces() -> None:
    op.create_table(
        "deposit_pieces",
        _text("agreement"),
        _number("base_sequence"),
        _text("piece_key"),
        _number("sequence"),
        _text("location"),
        sa.PrimaryKeyConstraint("agreement", "base_sequence", "piece_key", name="pk_deposit_pieces"),
        _of_a_deposit("deposit_pieces"),
    )
    op.create_index("ix_deposit_pieces_agreement_sequence", "deposit_pieces", ["agreement", "sequence"])


def _runs() -> None:
    op.create_table(
        "job_runs",
        _text("id"),
        *(_text(name) for name in ("job", "agreement", "started_at", "outcome", "detail")),
        *(_text(name, nullable=True) for name in ("due_at", "ended_at")),
        _number("sequence", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_job_runs"),
        sa.CheckConstraint("outcome IN ('running', 'done', 'waiting', 'failed', 'killed')", name="ck_job_runs_outcome"),
    )
    op.create_index("ix_job_runs_agreement_started_at", "job_runs", ["agreement", "started_at"])


def _notices() -> None:
    given = ("job", "event", "subject", "channel", "document", "created_at", "next_attempt_at", "failure")
    op.create_table(
        "notices",
        _text("id"),
        *(_text(name) for name in given),
        _text("delivered_at", nullable=True),
        _number("attempts"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("job", "event", "subject", "channel", name="uq_notices_job_event_subject_channel"),
    )
