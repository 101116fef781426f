"""The tables of the audit chain and the register of operators."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portability.catalogue.audit_tables import SUBJECT_SQL
from portability.catalogue.migrations.guards import guard_append_only

revision = "0001_audit_operators"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "catalogue_identity",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_identity"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("sequence", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_entry"),
    )
    subject: sa.ColumnElement[str] = sa.literal_column(f"({SUBJECT_SQL[op.get_bind().dialect.name]})")
    op.create_index("audit_entry_subject", "audit_entry", [subject])
    op.create_table(
        "audit_checkpoint",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_checkpoint"),
    )
    op.create_table(
        "sealed_slot",
        sa.Column("position", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_sealed_slot"),
    )
    op.create_table(
        "operator_step",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_operator_step"),
    )
    for table, key in (
        ("audit_entry", "sequence"),
        ("audit_checkpoint", "number"),
        ("sealed_slot", "position"),
        ("operator_step", "number"),
    ):
        guard_append_only(table, key)
