"""Deliveries that are sent again, and what stood at the head of each attempt's request."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Columns, and a small table. The heads themselves are kept by the first start: they are sealed."""
    op.add_column("deliveries", sa.Column("attempts_before", sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("resend_of", _Id, nullable=True))
    op.create_index(
        "deliveries_resends",
        "deliveries",
        ["resend_of"],
        sqlite_where=sa.text("resend_of IS NOT NULL"),
        postgresql_where=sa.text("resend_of IS NOT NULL"),
    )
    op.add_column("attempts", sa.Column("head_id", _Id, nullable=True))
    op.create_table(
        "request_heads",
        sa.Column("id", _Id, autoincrement=False, nullable=False),
        sa.Column("webhook_id", _Id, nullable=False),
        sa.Column("url", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("webhooks", sa.Column("head_id", _Id, nullable=True))
