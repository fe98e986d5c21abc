"""Webhooks have a breaker, and may have slots and waits of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Every breaker is closed; what fails already goes on being counted, and opens one when it fails again."""
    op.add_column("webhook_failures", sa.Column("breaker_opened_at", sa.BigInteger()))
    op.add_column("webhook_failures", sa.Column("probes", sa.Integer()))
    op.add_column("webhook_failures", sa.Column("probe_at", sa.BigInteger()))
    op.add_column("lanes", sa.Column("held_until", sa.BigInteger()))
    op.add_column("lanes", sa.Column("slots", sa.Integer()))
    op.add_column("lanes", sa.Column("again_is_next", sa.Boolean()))
    condition = sa.text(
        "due_at IS NOT NULL AND (attempts = 0 AND resend_of IS NULL OR due_at = hurried_at)"
    )
    op.create_index(
        "deliveries_first",
        "deliveries",
        ["webhook_id", "due_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
    op.add_column("webhooks", sa.Column("slots", sa.Integer()))
    waits = sa.Column("retry_waits", sa.Text(), server_default="2s 5s 15s 30s 1m", nullable=False)
    op.add_column("webhooks", waits)
