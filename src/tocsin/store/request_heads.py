"""The heads of requests as webhooks have sent them, sealed, as their URLs are: an attempt names its own.

A webhook has one more each time that something changes which stands in it; its attempts need no copy.
"""

from typing import NamedTuple

import sqlalchemy as sa

from tocsin.secret import Secret
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.vault import Vault

_H = schema.request_heads
_GONE = b""


class RequestHead(NamedTuple):
    """A webhook's URL at a time, and the head of its requests but for what differs among them."""

    url: str
    head: str


def insert_request_head(
    tx: Tx, head: RequestHead, vault: Vault, *, id_: int, webhook_id: int
) -> None:
    sealed = {"url": vault.seal(Secret(head.url)), "head": vault.seal(Secret(head.head))}
    tx.core.execute(_H.insert(), {"id": id_, "webhook_id": webhook_id, **sealed})


def find_request_head(tx: Tx, id_: int, vault: Vault) -> RequestHead | None:
    """Return a head; None once it was forgotten."""
    row = tx.core.execute(sa.select(_H.c.url, _H.c.head).where(_H.c.id == id_)).one()
    if row.head == _GONE:
        return None
    return RequestHead(vault.open(row.url).reveal(), vault.open(row.head).reveal())


def forget_request_heads(tx: Tx, webhook_id: int) -> None:
    """Forget what a webhook that is deleted has sent: URLs are secrets."""
    tx.core.execute(_H.update().where(_H.c.webhook_id == webhook_id).values(url=_GONE, head=_GONE))
