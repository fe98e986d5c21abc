"""How many alerts of each key had which fate, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Counting begins now: what came before names no key."""
    op.create_table(
        "alert_fates",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", _ID, autoincrement=False, nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("alerts", _ID, nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "fate"),
        sqlite_with_rowid=False,
    )
