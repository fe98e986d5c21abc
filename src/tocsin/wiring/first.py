"""A first start makes what one needs to begin: an alert key, a token for this machine's user, and a link."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import ClassVar

from tocsin.actions.alert_keys import create_alert_key
from tocsin.actions.editor import Editor
from tocsin.actions.invitations import invite_first_administrator
from tocsin.actions.tokens import create_token, list_tokens
from tocsin.domain.principal import Scope, Token
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.tokens import revoke_token as revoke

LOCAL = "local"
"""The name of the token that the commands on this machine use; of other nodes it has a number, too."""
DEFAULT_KEY = "default"
TOKEN_FILE = "admin.token"
SERVER_FILE = "server.json"
_OWNER_ONLY = 0o600


class AnotherServersToken(TocsinError):
    """The home folder holds the admin token of a database that is not this one."""

    code: ClassVar[str] = "another_servers_token"
    status_hint: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What was made, shown this once."""

    alert_key: Secret
    token_file: Path
    invitation: Secret
    """Makes whoever has it the first administrator of the pages."""


def set_up(tx: Tx, *, editor: Editor, home: Path) -> FirstStart | None:
    """Make a token, an alert key and a link in a database that has no token yet; None in any other.

    A token's file that was lost is made anew, with another token: who can start the server on the
    database can do anything with it anyway. Where nodes share the database, a home without a file may
    also be another node's: it gets a token of its own, and nobody's is revoked. The file is written
    before the transaction ends: a token that nobody knows would lock its owner out, a file that nothing
    knows does no harm.

    Raises: AnotherServersToken, rather than replacing the token of another database.
    """
    file = home / TOKEN_FILE
    lock_configuration(tx)  # two nodes that start at once must not both be the first
    tokens = list_tokens(tx)
    if tokens and file.exists():
        return None
    if file.exists():
        raise AnotherServersToken(
            f"{file} belongs to another database: set TOCSIN_HOME to a folder of this database's "
            "own, or move that file away",
            file=str(file),
        )
    name = LOCAL if tx.is_sqlite else _free_name(tokens)
    for token in tokens:
        if token.name == name and token.revoked_at is None:
            revoke(tx, token.id, now=editor.now)
            editor.record(tx, "token.revoked", name, before={"scope": token.scope.value})
    made = create_token(tx, name=name, scope=Scope.ADMINISTER, editor=editor)
    _write(file, made.secret.reveal() + "\n")
    if tokens:
        return None
    key = create_alert_key(tx, name=DEFAULT_KEY, editor=editor).secret
    return FirstStart(key, file, invite_first_administrator(tx, editor=editor).token)


def _free_name(tokens: Sequence[Token]) -> str:
    """Return `local`, or the first of `local-2`, `local-3` and so on that no token in force has."""
    taken = {token.name for token in tokens if token.revoked_at is None}
    numbered = (f"{LOCAL}-{number}" for number in count(2))
    return next(name for name in chain([LOCAL], numbered) if name not in taken)


def write_address(home: Path, url: str) -> None:
    """Leave where this server answers for the commands on this machine."""
    _write(home / SERVER_FILE, json.dumps({"url": url, "process": os.getpid()}) + "\n")


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)
