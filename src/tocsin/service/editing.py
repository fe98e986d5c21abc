"""Changing the configuration over HTTP, and saying whether anything changed."""

from collections.abc import Callable
from typing import TypeVar

from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.domain.principal import Principal
from tocsin.service.transactions import Transactions
from tocsin.store.changes import revision
from tocsin.store.database import Tx

T = TypeVar("T")


def editor_of(transactions: Transactions, context: Context, principal: Principal) -> Editor:
    """Return who edits the configuration, and with what; for use inside a change."""
    services = transactions.services
    return Editor(
        actor=principal.actor,
        now=context.now,
        ids=context.ids,
        random_bytes=services.random_bytes,
        vault=services.vault,
        networks=services.networks,
        public_url=services.set_public_url,
    )


async def edit(
    transactions: Transactions, principal: Principal, work: Callable[[Tx, Editor], T]
) -> tuple[T, bool]:
    """Return what an edit gives, and whether it changed anything."""

    def change(tx: Tx, context: Context) -> tuple[T, bool]:
        before = revision(tx)
        result = work(tx, editor_of(transactions, context, principal))
        return result, revision(tx) != before

    return await transactions.change(change)
