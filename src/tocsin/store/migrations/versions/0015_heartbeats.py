"""Heartbeats: jobs that are to call."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """There is none yet, so nothing that exists means anything else than before."""
    id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "heartbeats",
        sa.Column("id", id_, autoincrement=False, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every", sa.BigInteger(), nullable=False),
        sa.Column("grace", sa.BigInteger(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("counts_from", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("last_call_at", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, column, where, is_unique in (
        ("heartbeats_slug", "slug", "deleted_at IS NULL", True),
        ("heartbeats_due", "due_at", "due_at IS NOT NULL", False),
    ):
        condition = sa.text(where)
        op.create_index(
            name,
            "heartbeats",
            [column],
            unique=is_unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
