"""Who is asking, and what for they may ask."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from tocsin.domain.actor import OF_A_TOKEN, OF_A_USER
from tocsin.errors import TocsinError
from tocsin.secret import Secret

TOKEN_PREFIX: Final = "tsn_"
TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}")
_SHOWN: Final = len(TOKEN_PREFIX) + 4


class Scope(StrEnum):
    """What a token is for. Each scope includes those before it."""

    READ = "read"
    RESPOND = "respond"
    ADMINISTER = "administer"

    def covers(self, needed: "Scope") -> bool:
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER: Final = tuple(Scope)


class NotAuthenticated(TocsinError):
    """No token, or one that is unknown, malformed or revoked: one and the same answer."""

    code: ClassVar[str] = "not_authenticated"
    status_hint: ClassVar[int] = 401


class ScopeTooNarrow(TocsinError):
    """The token is good, but not for this."""

    code: ClassVar[str] = "scope_too_narrow"
    status_hint: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request: a token, a user by a token of theirs, or a user by a session."""

    token_id: int
    """Of the token, or of the session."""
    name: str
    """Of the token, or of the user who has a session."""
    scope: Scope
    user: str | None = None
    """The person; None: the token is nobody's in particular."""
    teams: frozenset[str] = frozenset()
    """Slugs of teams whose policies this principal may edit, whatever the scope."""

    @property
    def actor(self) -> str:
        """Whom a timeline or a change names for what this principal does."""
        return f"{OF_A_TOKEN}{self.name}" if self.user is None else f"{OF_A_USER}{self.user}"

    def may_administer(self, team: str) -> bool:
        """Return whether this principal may edit a team's policies."""
        return self.scope.covers(Scope.ADMINISTER) or team in self.teams

    def require(self, needed: Scope) -> None:
        """Raises: ScopeTooNarrow."""
        if not self.scope.covers(needed):
            raise ScopeTooNarrow(
                f"This needs a token with the scope {needed}; {self.name!r} has {self.scope}",
                needed=needed.value,
                scope=self.scope.value,
            )


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: without the secret, which only its maker saw."""

    id: int
    name: str
    scope: Scope
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    user: str | None = None
    """Whose it is; None: nobody's in particular."""


def make_token(random_bytes: bytes) -> Secret:
    """Return a new token, `tsn_` and 43 characters. Units: 32 bytes from a cryptographic source."""
    if len(random_bytes) != TOKEN_BYTES:
        raise ValueError(f"a token is made of {TOKEN_BYTES} random bytes")
    return Secret(TOKEN_PREFIX + base64.urlsafe_b64encode(random_bytes).decode().rstrip("="))


def token_hash(text: str) -> bytes:
    """Return the 32 bytes under which a token is kept and looked up (SHA-256).

    Plain SHA-256: 256 random bits cannot be guessed from it, and each request pays for it.
    Raises: NotAuthenticated, if the text does not look like a token.
    """
    if not _TOKEN.fullmatch(text):
        raise unauthenticated()
    return hashlib.sha256(text.encode()).digest()


def token_hint(token: Secret) -> str:
    """Return the part of a token that may be listed."""
    return f"{token.reveal()[:_SHOWN]}..."


def unauthenticated() -> NotAuthenticated:
    return NotAuthenticated(
        "Send a token that is in force, as the header 'Authorization: Bearer tsn_...'; "
        "an administrator makes one with: tocsin tokens add NAME"
    )
