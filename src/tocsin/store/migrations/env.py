"""How Alembic reaches the database: by the connection that `migrate` hands over."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from tocsin.store import schema, schema_configuration
from tocsin.store.schema import Instant, Sealed

assert schema_configuration.webhooks.metadata is schema.metadata


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Keep our own types out of migrations, which must not change when the code does."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Sealed):
        return "sa.LargeBinary()"
    return False


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=schema.metadata,
    render_item=_render,
    transaction_per_migration=False,
)
context.run_migrations()
