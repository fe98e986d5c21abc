"""People of a world, who come in without a password being verified: that is slow on purpose, and tested elsewhere."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from tests.behaviour.harness import Tocsin

from tocsin.actions.editor import Editor
from tocsin.actions.invitations import Acceptance, accept_invitation, invite
from tocsin.actions.sessions import find_credentials, sign_in
from tocsin.actions.users import add_user
from tocsin.domain.session import Client
from tocsin.domain.user import UserRole
from tocsin.ids import NODE_BITS, IdSource
from tocsin.secret import Secret
from tocsin.store.database import Tx

P = ParamSpec("P")
R = TypeVar("R")
ADMINISTRATOR: Final = "alice"
# Another server's, so to speak. One for all: time stands still in a world, so two could make the same id.
_IDS: Final = IdSource(node=(1 << NODE_BITS) - 1)
_LAPTOP: Final = Client("192.0.2.7", "Firefox 145 on Linux")


async def do(
    tocsin: Tocsin,
    action: Callable[Concatenate[Tx, P], R],
    *args: Any,
    by: str = "token:local",
    **words: Any,
) -> R:
    """Let an action that edits join the server's next commit; return what it returns."""
    editor = Editor(
        actor=by,
        now=tocsin.now,
        ids=_IDS,
        random_bytes=secrets.token_bytes,
        vault=tocsin.server.store.vault,
        networks=tocsin.server.settings.webhook_networks,
        public_url=tocsin.server.settings.public_url,
    )
    untyped: Any = action
    work = tocsin.server.engine.writer.submit(lambda tx: untyped(tx, *args, editor=editor, **words))
    done: R = await asyncio.wrap_future(work)
    return done


async def join(
    tocsin: Tocsin, name: str, role: UserRole, *teams: str, time_zone: str = "UTC"
) -> Secret:
    """Let somebody in who was invited and chose a password; return their session's token."""
    await do(tocsin, add_user, name=name, role=role, of_teams=teams)
    invitation = await do(tocsin, invite, name)
    accepted = Acceptance(name, f"no hash of {name}'s password", time_zone)
    session = await do(tocsin, accept_invitation, invitation.token, accepted, client=_LAPTOP)
    return session.token


async def come_back(tocsin: Tocsin, name: str) -> Secret:
    """Let somebody in who has been here before; return their session's token."""
    with tocsin.server.store.database.read() as tx:
        found = find_credentials(tx, name)
    assert found is not None, f"{name} has never signed in"
    return (await do(tocsin, sign_in, found, client=_LAPTOP)).token
