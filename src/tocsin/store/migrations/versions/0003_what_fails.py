"""What fails: webhooks since their last 2xx, and why one is disabled; refused alerts that are alike."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A small table for webhooks that fail; columns for a reason, and for how often and which key."""
    op.create_table(
        "webhook_failures",
        sa.Column(
            "webhook_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("gone_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id"),
        sqlite_with_rowid=False,
    )
    op.add_column("webhooks", sa.Column("disabled_reason", sa.Text(), nullable=True))
    # Until now nobody but a person could.
    op.execute("UPDATE webhooks SET disabled_reason = 'by_hand' WHERE disabled_at IS NOT NULL")
    requests = sa.Column("requests", sa.Integer(), server_default=sa.text("1"), nullable=False)
    op.add_column("refused_alerts", requests)
    op.add_column("refused_alerts", sa.Column("first_received_at", sa.BigInteger(), nullable=True))
    op.add_column("refused_alerts", sa.Column("revoked_key", sa.Text(), nullable=True))
