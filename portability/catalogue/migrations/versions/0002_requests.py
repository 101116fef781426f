"""The tables of requests and of policy documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portability.catalogue.migrations.guards import guard_append_only

revision = "0002_requests"
down_revision = "0001_audit_operators"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "request_step",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_request_step"),
        sa.UniqueConstraint("request", "sequence", name="uq_request_step_request_sequence"),
    )
    op.create_table(
        "request_kind",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_request_kind"),
    )
    op.create_table(
        "policy_step",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_policy_step"),
    )
    for table in ("request_step", "policy_step"):
        guard_append_only(table, "number")
