"""What is being sent, in a row for each transaction that leased, in place of an index of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, note what is being sent at the moment, and drop the index."""
    leases = op.create_table(
        "leases",
        sa.Column("id", _Id, autoincrement=False, nullable=False),
        sa.Column("run_id", _Id, nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    deliveries = sa.table("deliveries", sa.column("id"), sa.column("run_id"), sa.column("state"))
    sending = op.get_bind().execute(
        sa.select(deliveries.c.id, deliveries.c.run_id).where(deliveries.c.state == "sending")
    )
    # A delivery's id is as good as any for the row that names it alone.
    rows = [
        {"id": row.id, "run_id": row.run_id, "open": 1, "deliveries": row.id.to_bytes(8, "big")}
        for row in sending
    ]
    if rows:
        op.bulk_insert(leases, rows)
    op.drop_index("deliveries_sending", table_name="deliveries")
