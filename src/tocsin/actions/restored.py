"""What has to be so in a database that was brought back, before a server may start on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.actions.unlock import open_vault
from tocsin.domain.wording import counted, listed
from tocsin.ids import made_at
from tocsin.master_key import MasterKey, MasterKeyMissing
from tocsin.store.counters import FEED, INCIDENT, next_number, save_number
from tocsin.store.database import Tx
from tocsin.store.moved import forget_move
from tocsin.store.newest_id import find_newest_id
from tocsin.store.outstanding import Outstanding, count_outstanding
from tocsin.store.sealed import count_seals, count_unopenable
from tocsin.vault import MasterKeyWrong

_SKIPPED_POSITIONS: Final = 1_000_000
_ANYWAY: Final = "If it is lost for good, restore with --without-master-key"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    newest_at: datetime | None
    """When the newest thing in it was made; None: there is nothing."""
    next_incident: int
    outstanding: Outstanding


def refuse_without_key(tx: Tx, *, find_key: Callable[[], MasterKey | None], key_file: str) -> None:
    """Raises: MasterKeyMissing, MasterKeyWrong, MasterKeyExposed, MasterKeyUnreadable: unless all opens."""
    needed = sorted(name or "an unnamed one" for name in count_seals(tx))
    key = find_key()
    if key is None and needed:
        raise MasterKeyMissing(
            f"the secrets in this backup are sealed under the master key {listed(needed)}, which is not "
            f"here: put its file to {key_file} (mode 0600), or set TOCSIN_MASTER_KEY or "
            f"TOCSIN_MASTER_KEY_FILE. {_ANYWAY}",
            file=key_file,
        )
    if key is None:
        return
    vault = open_vault(key)
    closed = count_unopenable(tx, vault)
    if closed:
        under = listed([f"{n} under {name or 'an unnamed one'}" for name, n in closed.items()])
        raise MasterKeyWrong(
            f"the master key in {key.source} is {listed(list(vault.key_names))} and does not open "
            f"{counted(closed.total(), 'secret', 'secrets')} of this backup ({under}): put the key that "
            f"belongs to it there, or below the first line. {_ANYWAY}",
            source=key.source,
        )


def go_on_from(tx: Tx, *, first_number: int, skip_numbers: int, now: datetime) -> Restored:
    """Make what was brought back fit to go on, and say what it would do first.

    Incident numbers and feed positions that were given after the backup was made are known outside, and
    must not be given again: both counters move on. Ids hold the time, and need no such care. A mark that
    says that the store moved elsewhere goes: somebody wants this one.
    """
    number = next_number(tx, INCIDENT, first=first_number) + skip_numbers
    save_number(tx, INCIDENT, number)
    save_number(tx, FEED, next_number(tx, FEED) + _SKIPPED_POSITIONS)
    forget_move(tx)
    newest = find_newest_id(tx)
    return Restored(made_at(newest) if newest else None, number, count_outstanding(tx, now))
