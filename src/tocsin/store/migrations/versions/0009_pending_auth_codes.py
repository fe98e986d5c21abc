"""Webhooks may have a second auth code, which takes over later."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns, which are null for all that exists."""
    op.add_column("webhooks", sa.Column("pending_auth_code", sa.LargeBinary(), nullable=True))
    op.add_column("webhooks", sa.Column("promote_at", sa.BigInteger(), nullable=True))
