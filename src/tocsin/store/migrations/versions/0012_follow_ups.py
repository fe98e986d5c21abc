"""Follow-ups: which ones a webhook asks for, and the deliveries that are such."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """None for every webhook there is, and no delivery is one."""
    op.add_column(
        "webhooks", sa.Column("follow_up", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("deliveries", sa.Column("follow_up", sa.Text(), nullable=True))
    op.add_column(
        "deliveries",
        sa.Column("cause", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    )
    op.create_index(
        "deliveries_follow_ups",
        "deliveries",
        ["cause", "webhook_id"],
        unique=True,
        sqlite_where=sa.text("cause IS NOT NULL"),
        postgresql_where=sa.text("cause IS NOT NULL"),
    )
