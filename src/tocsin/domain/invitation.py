"""Invitations: a link that lets one person choose a password, once, for some time."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.domain.user import UserRole
from tocsin.errors import TocsinError
from tocsin.secret import Secret

INVITATION_PREFIX: Final = "tsi_"
INVITATION_BYTES: Final = 32
INVITATION_PATH: Final = "/welcome/"
FIRST_LASTS: Final = timedelta(hours=1)
"""For the link to the first administrator, which a log may hold."""
LASTS: Final = timedelta(days=3)
_INVITATION: Final = re.compile(rf"{INVITATION_PREFIX}[A-Za-z0-9_-]{{43}}")


class InvitationOver(TocsinError):
    """The link was used, has ended, was replaced, or never was one: one and the same answer."""

    code: ClassVar[str] = "invitation_over"
    status_hint: ClassVar[int] = 410

    def __init__(self) -> None:
        super().__init__(
            "This link does nothing any more: it was used, it has ended, or a newer one took its "
            "place. Ask an administrator for another one"
        )


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link is for."""

    id: int
    user: str | None
    """Who chooses a password by it; None: whoever has it chooses a name, too."""
    role: UserRole
    created_at: datetime
    expires_at: datetime


def make_invitation_token(random_bytes: bytes) -> Secret:
    """Return a new token, `tsi_` and 43 characters. Units: 32 bytes from a cryptographic source."""
    if len(random_bytes) != INVITATION_BYTES:
        raise ValueError(f"an invitation is made of {INVITATION_BYTES} random bytes")
    return Secret(INVITATION_PREFIX + base64.urlsafe_b64encode(random_bytes).decode().rstrip("="))


def invitation_hash(token: Secret) -> bytes:
    """Return the 32 bytes under which an invitation is kept (SHA-256). Raises: InvitationOver."""
    text = token.reveal()
    if not _INVITATION.fullmatch(text):
        raise InvitationOver
    return hashlib.sha256(text.encode()).digest()


def invitation_url(public_url: str, token: Secret) -> str:
    """Return the link. Whoever has it may use it once."""
    return f"{public_url}{INVITATION_PATH}{token.reveal()}"
