"""Going on without a master key that is lost for good: what only that key opens is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tocsin.actions.editor import Editor
from tocsin.actions.idempotency import KEPT
from tocsin.actions.unlock import open_vault, prove
from tocsin.domain.auth_code import RANDOM_BYTES, make_auth_code
from tocsin.errors import TocsinError
from tocsin.master_key import MasterKey, make_master_key, read_master_key, write_master_key
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.idempotency import forget_answers
from tocsin.store.sealed import count_seals, forget_unopenable, seal_anew
from tocsin.store.webhooks import find_shut_webhooks, replace_forgotten
from tocsin.vault import Vault

# Nobody can own it (RFC 6761), so what is sent before somebody gives the URL again goes nowhere, and
# deliveries that wait are sent once somebody does.
_NOWHERE: Final = "https://forgotten.invalid/"


class NothingToForget(TocsinError):
    """Every secret of the database can be opened."""

    code: ClassVar[str] = "nothing_to_forget"
    status_hint: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The vault to go on with, and the webhooks that need their URLs and auth codes again."""

    vault: Vault
    webhooks: tuple[str, ...]


def forget_secrets(
    tx: Tx,
    *,
    file: Path,
    given: MasterKey | None,
    random_bytes: Callable[[int], bytes],
    make_editor: Callable[[Vault], Editor],
) -> Forgotten:
    """Forget what the master key does not open; without one, a new one is made in `file`.

    Raises: NothingToForget, so that whoever leaves this on by mistake loses nothing later;
    MasterKeyWrong, for a text that is none; MasterKeyExposed, MasterKeyUnreadable.
    """
    lock_configuration(tx)
    key = given or read_master_key(file) or write_master_key(file, make_master_key(random_bytes))
    vault = open_vault(key)
    shut = find_shut_webhooks(tx, vault)
    if not shut and set(count_seals(tx)) <= set(vault.key_names):
        raise NothingToForget(
            f"The master key in {key.source} opens everything, so there is nothing to forget: start "
            "without --forget-secrets",
            source=key.source,
        )
    editor = make_editor(vault)
    for webhook_id, slug in shut.items():
        code = make_auth_code(random_bytes(RANDOM_BYTES))
        url = f"{_NOWHERE}{slug}"
        replace_forgotten(tx, webhook_id, url=url, auth_code=code, vault=vault)
        editor.record(tx, "webhook.secrets_forgotten", slug, secrets=("url", "auth_code"))
    forget_answers(tx, before=editor.now + KEPT)
    forget_unopenable(tx, vault)
    prove(tx, vault)
    seal_anew(tx, vault)
    return Forgotten(vault, tuple(shut.values()))
