"""Webhooks have a CA bundle and a client certificate; receivers' certificates are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, which are null for all that exists, and two tables."""
    op.add_column("webhooks", sa.Column("ca_bundle", sa.Text(), nullable=True))
    op.add_column("webhooks", sa.Column("client_certificate", sa.Text(), nullable=True))
    op.add_column("webhooks", sa.Column("client_key", sa.LargeBinary(), nullable=True))
    id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "receiver_certificates",
        sa.Column("webhook_id", id_, autoincrement=False, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_table(
        "certificate_warnings",
        sa.Column("webhook_id", id_, autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "fingerprint", "days"),
    )
