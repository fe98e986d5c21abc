"""The master key while a server runs: which keys are needed, and changing it for a new one."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.errors import TocsinError
from tocsin.master_key import MasterKeyMissing, make_master_key, read_master_key, replace_master_key
from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.sealed import count_seals, seal_anew
from tocsin.vault import Vault, key_name


class MasterKeyNotOurs(TocsinError):
    """The server cannot change the master key, because it is not the only one that keeps it."""

    code: ClassVar[str] = "master_key_not_ours"
    status_hint: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """One key of the master key, by its name. `secrets` is how much lies sealed under it."""

    name: str
    secrets: int
    seals: bool
    """Whether it is the first one, under which everything is sealed from now on."""

    @property
    def is_needed(self) -> bool:
        return self.seals or self.secrets > 0


@dataclass(frozen=True, slots=True)
class NewMasterKey:
    """What a change of the master key did."""

    name: str
    replaced: tuple[str, ...]
    secrets: int


def list_keys(tx: Tx, vault: Vault) -> list[KeyInUse]:
    """Return the keys in their order."""
    seals = count_seals(tx)
    return [
        KeyInUse(name, seals[name], seals=number == 0)
        for number, name in enumerate(vault.key_names)
    ]


def rotate_master_key(tx: Tx, *, file: Path | None, source: str, editor: Editor) -> NewMasterKey:
    """Make a new master key and seal everything under it, in one transaction.

    1. The new key is put in front of those in `file`. From then on a crash loses nothing: the next
       start has all of them, and seals what is not under the first one anew.
    2. Everything is sealed anew. When that is committed, and not before, `retire` takes the others
       out of the file.

    Raises: MasterKeyNotOurs, MasterKeyMissing, MasterKeyExposed, MasterKeyUnreadable, SealBroken.
    """
    if file is None or not tx.is_sqlite:
        raise _not_ours(source if file is None else "a file of this node alone")
    lock_configuration(tx)
    before = read_master_key(file)
    if before is None:
        raise MasterKeyMissing(
            f"There is no {file} any more; put it back before anything else, because the next start "
            "needs it",
            file=str(file),
        )
    new = make_master_key(editor.random_bytes)
    lines = Secret(f"{new.reveal()}\n{before.lines.reveal()}")
    replace_master_key(file, lines)
    replaced = editor.vault.key_names
    editor.vault.adopt(lines)
    secrets = seal_anew(tx, editor.vault)
    name = editor.vault.key_names[0]
    editor.record(tx, "master_key.rotated", name, secrets=("master_key",))
    return NewMasterKey(name, replaced, secrets)


def retire(tx: Tx, *, file: Path, vault: Vault) -> None:
    """Take keys out of the file that nothing on disk needs; for a transaction after the change's own."""
    known = read_master_key(file)
    if known is None:
        return
    needed = count_seals(tx)
    first, *others = known.lines.reveal().split()
    kept = Secret("\n".join([first, *(line for line in others if needed[key_name(line)])]))
    replace_master_key(file, kept)
    vault.adopt(kept)


def _not_ours(source: str) -> MasterKeyNotOurs:
    return MasterKeyNotOurs(
        f"The master key comes from {source}, where this server cannot change it for everybody. Put a "
        "new line in front of the others there (head -c 32 /dev/urandom | base64 | tr '+/' '-_' "
        "makes one) and restart: everything is sealed under it at the start. Several nodes get the "
        "new line below the old one first, all of them, and then in front. The old line may go when "
        "tocsin master-key says so",
        source=source,
    )
