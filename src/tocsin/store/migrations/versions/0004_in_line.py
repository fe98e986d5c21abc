"""Which delivery waits for which, of one incident and webhook."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """What is on record already waits for nothing."""
    op.add_column(
        "deliveries",
        sa.Column("waits_for", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
    )
    op.add_column("deliveries", sa.Column("hurried_at", sa.BigInteger()))
    condition = sa.text("waits_for IS NOT NULL")
    op.create_index(
        "deliveries_in_line",
        "deliveries",
        ["waits_for"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
