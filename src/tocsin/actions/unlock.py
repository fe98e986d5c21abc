"""Opening the vault at start, and refusing at once what would fail at the first page."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.settings_rows import VAULT_PROOF, find_setting, put_setting
from tocsin.vault import (
    MasterKeyMissing,
    Vault,
    make_master_key,
    read_master_key,
    write_master_key,
)

_PROOF: Final = Secret("This database was sealed with this master key.")


def unlock(
    tx: Tx,
    *,
    file: Path | None,
    master_key: Secret | None,
    random_bytes: Callable[[int], bytes],
) -> Vault:
    """Return the vault of this database; `tx` must be one that may write.

    1. The master key is the one that is given, else the one in `file`.
    2. A database that has never been unlocked takes any, or has one made in `file`, mode 0600.
    3. One that has been takes only its own.

    Raises: MasterKeyMissing, MasterKeyWrong, MasterKeyExposed.
    """
    lock_configuration(tx)  # two nodes that start at once must not both be the first
    proof = find_setting(tx, VAULT_PROOF)
    key = master_key or (read_master_key(file) if file else None)
    if key is None:
        if proof is not None or file is None:
            raise _missing(file)
        key = make_master_key(random_bytes)
        write_master_key(file, key)
    vault = Vault(key)
    if proof is None:
        put_setting(tx, VAULT_PROOF, vault.seal(_PROOF))
    else:
        vault.open(proof)
    return vault


def _missing(file: Path | None) -> MasterKeyMissing:
    where = f"put {file} back from a backup, or set" if file else "set"
    return MasterKeyMissing(
        f"The master key that opens this database's secrets is not there: {where} TOCSIN_MASTER_KEY",
        file=str(file) if file else None,
    )
