"""One-time links: which actions a webhook's pages have them for, and those that were followed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """None for every webhook there is, and a table for those that were used."""
    op.add_column(
        "webhooks", sa.Column("links", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.create_table(
        "used_links",
        sa.Column(
            "delivery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "action"),
        sqlite_with_rowid=False,
    )
