"""The tables of receipts and drills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_receipts"
down_revision = "0003_deposits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "receipts",
        _text("agreement"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("depository", "manifest_sha256", "result", "level", "received_at", "signer")),
        *(_text(name) for name in ("document", "signature", "recorded_at")),
        sa.PrimaryKeyConstraint("agreement", "sequence", "depository", name="pk_receipts"),
        sa.CheckConstraint("result IN ('pass', 'fail')", name="ck_receipts_result"),
    )
    op.create_table(
        "drills",
        _text("sha256"),
        _text("agreement"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("level", "result", "started_at", "signer", "document", "recorded_at")),
        sa.PrimaryKeyConstraint("sha256", name="pk_drills"),
        sa.CheckConstraint("result IN ('PASSED', 'WARNED', 'FAILED')", name="ck_drills_result"),
    )
    op.create_index("ix_drills_agreement_started_at", "drills", ["agreement", "started_at"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
