"""Opening the vault at start, and refusing at once what would fail at the first page."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tocsin.domain.wording import counted, listed
from tocsin.master_key import MasterKey, MasterKeyMissing, read_master_key, write_master_key
from tocsin.master_key import make_master_key as make
from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.sealed import count_seals, seal_anew
from tocsin.store.settings_rows import VAULT_PROOF, find_setting, put_setting
from tocsin.store.webhooks import count_webhooks
from tocsin.vault import MasterKeyWrong, Vault

_PROOF: Final = Secret("This database was sealed with this master key.")
_GO_ON: Final = (
    "If it is lost for good, start once with: tocsin serve --forget-secrets; everything else stays, "
    "and webhooks need their URLs and auth codes again"
)


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The vault of a database, and how much was sealed anew because the first key is another one."""

    vault: Vault
    sealed_anew: int


def unlock(
    tx: Tx,
    *,
    file: Path,
    given: MasterKey | None,
    random_bytes: Callable[[int], bytes],
) -> Unlocked:
    """Return the vault of this database; `tx` must be one that may write.

    1. The master key is the one that is given, else the one in `file`.
    2. A database in which nothing is sealed takes any, or has one made in `file`, mode 0600.
    3. Any other takes only a master key that opens all of it, and all of it is under the first line
       of that when this returns: an old line is needed no more.

    Raises: MasterKeyMissing, MasterKeyWrong, MasterKeyExposed, MasterKeyUnreadable, SealBroken.
    """
    lock_configuration(tx)  # two nodes that start at once must not both be the first
    seals = count_seals(tx)
    key = given or read_master_key(file)
    if key is None:
        if seals:
            raise _missing(tx, file)
        key = write_master_key(file, make(random_bytes))
    vault = open_vault(key)
    _refuse_unknown(tx, seals, vault, key)
    try:
        return Unlocked(vault, _seal_anew(tx, vault))
    except MasterKeyWrong:
        raise _wrong(tx, key, vault, "some of it is sealed under another one") from None


def open_vault(key: MasterKey) -> Vault:
    """Return a vault. Raises: MasterKeyWrong, naming the place of a text that holds no key."""
    try:
        return Vault(key.lines)
    except MasterKeyWrong as refusal:
        raise MasterKeyWrong(f"{key.source}: {refusal.message}", source=key.source) from None


def prove(tx: Tx, vault: Vault) -> None:
    """Leave something sealed, so that even a database without a webhook knows its key."""
    put_setting(tx, VAULT_PROOF, vault.seal(_PROOF))


def _seal_anew(tx: Tx, vault: Vault) -> int:
    if find_setting(tx, VAULT_PROOF) is None:
        prove(tx, vault)
    return seal_anew(tx, vault)


def _refuse_unknown(tx: Tx, seals: Counter[str], vault: Vault, key: MasterKey) -> None:
    unknown = sorted(name for name in seals if name and name not in vault.key_names)
    if unknown:
        under = listed([f"{seals[name]} under {name}" for name in unknown])
        raise _wrong(tx, key, vault, f"what is sealed in this database is {under}")


def _wrong(tx: Tx, key: MasterKey, vault: Vault, why: str) -> MasterKeyWrong:
    names = listed(list(vault.key_names))
    return MasterKeyWrong(
        f"The master key in {key.source} does not open this database: it holds {names}, and {why}. "
        f"Without the right one {_lost(tx)} cannot be opened. Put the key that belongs to this "
        f"database back, or below the first line, from a backup. {_GO_ON}",
        source=key.source,
    )


def _missing(tx: Tx, file: Path) -> MasterKeyMissing:
    return MasterKeyMissing(
        f"The master key is not there: there is no {file}, and neither TOCSIN_MASTER_KEY nor "
        f"TOCSIN_MASTER_KEY_FILE is set. Without it {_lost(tx)} cannot be opened. Put {file} back "
        f"from a backup, or set one of the two. {_GO_ON}",
        file=str(file),
    )


def _lost(tx: Tx) -> str:
    webhooks = counted(count_webhooks(tx), "webhook", "webhooks")
    return f"the URLs and auth codes of {webhooks}"
