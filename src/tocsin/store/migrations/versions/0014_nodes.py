"""What a node says of itself, and who ended its run; the oldest code that may use this schema."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"

_MICROS = sa.BigInteger()
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Runs of older code say nothing of themselves: they have every role."""
    for name, kind in (
        ("roles", sa.Text()),
        ("in_flight", sa.Integer()),
        ("waiting", sa.Integer()),
        ("cpu_percent", sa.Integer()),
        ("clock_skew", _MICROS),
        ("ended_by", _ID),
    ):
        op.add_column("runs", sa.Column(name, kind, nullable=True))
