"""Signing in with a password: read what is to be proven, verify beside the loop, then begin a session."""

import logging
from typing import Any, Final

from tocsin.actions import invitations, sessions
from tocsin.actions.incident_set import Context
from tocsin.actions.invitations import Acceptance
from tocsin.actions.sessions import Credentials, NewSession, SignInRefused
from tocsin.domain.known_device import DEVICE_BYTES, find_device, make_device
from tocsin.domain.principal import Principal
from tocsin.domain.session import Client
from tocsin.domain.sign_in_limit import TooManySignIns
from tocsin.domain.user import User, check_password
from tocsin.secret import Secret
from tocsin.service.editing import editor_of
from tocsin.service.passwords import SALT_BYTES
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

logger = logging.getLogger(__name__)
_PURPOSE: Final = "known devices"


async def sign_in(
    work: Transactions,
    name: str,
    password: Secret,
    *,
    client: Client,
    device: str = "",
    replaces: Secret | None = None,
) -> NewSession:
    """Begin a session. `device`: what the browser shows of earlier ones; `replaces`: the token that it had.

    Raises: SignInRefused, TooManySignIns.
    """
    keys, now = work.services.vault.keys_for(_PURPOSE), work.services.clock.now()
    known = find_device(device, name, keys=keys, now=now)
    proven, is_old = await _prove(work, name, password, client, device=known)
    rehashed = await _hash(work, password) if is_old else None

    def begin(tx: Tx, context: Context) -> NewSession:
        editor = editor_of(work, context, proven.user.principal(0))
        return sessions.sign_in(
            tx,
            proven,
            client=client,
            editor=editor,
            rehashed=rehashed,
            replaces=replaces,
        )

    return await work.change(begin)


def device_of(work: Transactions, user: User) -> Secret:
    """Return what the browser of somebody who has just signed in shows the next time, and keeps to itself."""
    services = work.services
    key, random = services.vault.keys_for(_PURPOSE)[0], services.random_bytes(DEVICE_BYTES)
    return make_device(user.name, random, key=key, now=services.clock.now())


async def change_password(
    work: Transactions, user: User, current: Secret, new: Secret, *, client: Client
) -> NewSession:
    """Give another password to whoever knows theirs; all sessions end, and a new one begins.

    Raises: InvalidPassword, SignInRefused, TooManySignIns.
    """
    check_password(new.reveal(), name=user.name)
    # Whoever is signed in is known, and no stranger's tries count for them.
    proven, _ = await _prove(work, user.name, current, client, device=f"of {user.name}")
    hashed = await _hash(work, new)

    def change(tx: Tx, context: Context) -> NewSession:
        editor = editor_of(work, context, user.principal(0))
        sessions.change_password(tx, proven, hashed, editor=editor)
        return sessions.begin_session(tx, proven.user, client=client, editor=editor)

    return await work.change(change)


async def accept_invitation(
    work: Transactions,
    token: Secret,
    *,
    name: str,
    password: Secret,
    time_zone: str,
    client: Client,
    replaces: Secret | None = None,
) -> NewSession:
    """Use a link: whoever has it chooses a password, and is signed in.

    Raises: InvitationOver, InvalidPassword, InvalidSlug, UserExists, InvalidTimeZone, TooManySignIns.
    """
    now = work.services.clock.now()
    invitation = await work.read(lambda tx: invitations.find_invitation(tx, token, now=now))
    name = invitation.user or name
    check_password(password.reveal(), name=name)
    accepted = Acceptance(name, await _hash(work, password), time_zone)

    def accept(tx: Tx, context: Context) -> NewSession:
        nobody = Principal(0, "", invitation.role.scope)
        editor = editor_of(work, context, nobody)  # it acts as its user
        return invitations.accept_invitation(
            tx, token, accepted, client=client, editor=editor, replaces=replaces
        )

    return await work.change(accept)


async def _hash(work: Transactions, password: Secret) -> str:
    salt = work.services.random_bytes(SALT_BYTES)
    return await work.services.passwords.hash(password, salt=salt)


async def _prove(
    work: Transactions, name: str, password: Secret, client: Client, *, device: str | None
) -> tuple[Credentials, bool]:
    """Return what was proven, and whether its hash is to be made anew.

    Raises: SignInRefused, TooManySignIns.
    """
    services, limits = work.services, work.services.sign_in_limits
    told: dict[str, Any] = {"client": client.address}
    try:
        limits.take(name, client.address, now=services.clock.monotonic(), device=device)
        proven = await work.read(lambda tx: sessions.find_credentials(tx, name))
        known = proven.password_hash if proven else None
        verdict = await services.passwords.verify(known, password, is_known=device is not None)
    except TooManySignIns:
        logger.warning("sign_in.limited", extra=told)
        raise
    if proven is None or not verdict.is_right:
        # The name only of a user who is there: somebody may have typed the password into its place.
        logger.warning(
            "sign_in.refused", extra={**told, "user": proven.user.name if proven else None}
        )
        raise SignInRefused
    limits.give_back(name, client.address, now=services.clock.monotonic(), device=device)
    return proven, verdict.is_old
