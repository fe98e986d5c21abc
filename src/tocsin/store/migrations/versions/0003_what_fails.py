"""What fails: webhooks since their last 2xx, and why one is disabled."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A small table for webhooks that fail, and the reason beside the instant of a disabling."""
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
