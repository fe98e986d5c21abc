"""Answers that act: whether those of a webhook may."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Off for every webhook there is."""
    op.add_column(
        "webhooks",
        sa.Column("answer_may_act", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
