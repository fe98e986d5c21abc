"""Who changes the configuration, and with what: the same for every action that does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from tocsin.domain.network import Networks
from tocsin.ids import IdSource
from tocsin.store.changes import Change, add_change, note_deed
from tocsin.store.database import Tx
from tocsin.vault import Vault


@dataclass(frozen=True, slots=True)
class Editor:
    """One edit: by whom and when, and where its ids, its randomness and its sealing come from.

    `networks` are those that webhooks may reach; `public_url` is what was set, if anything. Units: `now` is aware UTC.
    """

    actor: str
    now: datetime
    ids: IdSource
    random_bytes: Callable[[int], bytes]
    vault: Vault
    networks: Networks
    public_url: str | None = None

    def new_id(self) -> int:
        return self.ids.take(1, self.now)[0]

    def acting_as(self, actor: str) -> Self:
        """Return the same for what another one does."""
        return replace(self, actor=actor)

    def note(self, tx: Tx, action: str, object_: str) -> None:
        """Write down a deed that changes nothing which is configured."""
        note_deed(tx, Change(self.new_id(), self.now, self.actor, action, object_))

    def record(
        self,
        tx: Tx,
        action: str,
        object_: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        """Write down what was done, in the transaction that does it. No secret is an argument."""
        change = Change(
            id=self.new_id(),
            at=self.now,
            actor=self.actor,
            action=action,
            object=object_,
            before=before or {},
            after=after or {},
            secrets=secrets,
        )
        add_change(tx, change)
