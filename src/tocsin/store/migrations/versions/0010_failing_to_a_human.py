"""Steps that do not wait for those that reach nobody, pages that come too late, webhooks that fail."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add columns, which are null for all that exists: nothing of it does anything new."""
    op.add_column("escalations", sa.Column("planned_at", sa.BigInteger(), nullable=True))
    op.add_column("webhooks", sa.Column("skip_if_late", sa.BigInteger(), nullable=True))
    op.add_column("webhooks", sa.Column("when_failing", sa.Text(), nullable=True))
    op.add_column("webhook_failures", sa.Column("latest_at", sa.BigInteger(), nullable=True))
    op.add_column("webhook_failures", sa.Column("latest_outcome", sa.Text(), nullable=True))
    op.add_column("webhook_failures", sa.Column("latest_status", sa.Integer(), nullable=True))
    op.add_column("webhook_failures", sa.Column("told_as", sa.Text(), nullable=True))
    op.add_column("webhook_failures", sa.Column("told_key", sa.Text(), nullable=True))
