"""Single sign-on by OpenID Connect: what is configured, and what is remembered while somebody is away.

The authorization code flow with PKCE (RFC 7636). Whoever is away is at the provider; what came from here
must come back, in the same browser. Sources: OpenID Connect Core 1.0, RFC 6749, RFC 9700.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Self
from urllib.parse import urlencode, urlsplit

from tocsin.domain.user import UserRole, parse_user_role
from tocsin.errors import TocsinError
from tocsin.secret import Secret

CALLBACK_PATH: Final = "/sign-in/oidc/callback"
AWAY_FOR: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""
DEFAULT_NAME: Final = "single sign-on"
LONGEST_SUBJECT: Final = 255
"""Characters: what the standard allows."""
_RANDOM_BYTES: Final = 32
_HERE: Final = ("localhost", "127.0.0.1", "::1")


class InvalidIssuer(TocsinError):
    """The text is no issuer of OpenID Connect."""

    code: ClassVar[str] = "invalid_issuer"
    status_hint: ClassVar[int] = 500


class SingleSignOnFailed(TocsinError):
    """The provider, or what came back from there, was not as it must be."""

    code: ClassVar[str] = "single_sign_on_failed"
    status_hint: ClassVar[int] = 502


@dataclass(frozen=True, slots=True)
class Provider:
    """Who says who somebody is."""

    issuer: str
    client_id: str
    client_secret: Secret
    name: str = DEFAULT_NAME
    """What the button says."""
    newcomers: UserRole | None = None
    """What somebody becomes whom nobody has invited; None: they are not let in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is. Issuer and subject are; a name may change, or be another's tomorrow."""

    issuer: str
    subject: str
    suggested_name: str


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """An identity by which a user may sign in."""

    issuer: str
    subject: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class Journey:
    """What is remembered of somebody who went to the provider, in a cookie that only we can read."""

    state: str
    """Comes back with them, so that nobody can send them here with somebody else's code."""
    nonce: str
    """Comes back in the ID token, so that nobody can show one that was for another journey."""
    verifier: str
    """Proves to the provider that who brings the code is who asked for it."""
    wanted: str
    """Where they go on."""
    ends_at: float
    """Units: seconds since 1970."""
    links: int = 0
    """The user who asked to be linked to who they are there, by its id; 0: somebody signs in."""

    @classmethod
    def begin(
        cls,
        random_bytes: Callable[[int], bytes],
        *,
        wanted: str,
        now: datetime,
        links: int = 0,
    ) -> Self:
        """Units: `random_bytes` are of a cryptographic source."""
        state, nonce, verifier = (_text(random_bytes(_RANDOM_BYTES)) for _ in range(3))
        return cls(state, nonce, verifier, wanted, (now + AWAY_FOR).timestamp(), links)

    def packed(self) -> Secret:
        return Secret(json.dumps(asdict(self)))

    @classmethod
    def unpack(cls, packed: Secret) -> Self:
        """Return what `packed` gave."""
        return cls(**json.loads(packed.reveal()))

    def is_answered_by(self, state: str, *, now: datetime) -> bool:
        """Return whether somebody who comes back is on this journey, and in time."""
        is_same = hmac.compare_digest(self.state.encode(), state.encode(errors="surrogatepass"))
        return is_same and now.timestamp() < self.ends_at

    def url(self, endpoint: str, provider: Provider, *, redirect_uri: str) -> str:
        """Return where the browser goes. `endpoint`: the provider's, for this."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": _text(digest),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def parse_issuer(text: str) -> str:
    """Return an issuer as it is: what the provider says of itself must be the very same. Raises: InvalidIssuer."""
    if not is_trustworthy(text) or "?" in text or "#" in text:
        raise InvalidIssuer(
            "write the provider's issuer as its /.well-known/openid-configuration has it, such as "
            "https://login.example.org (http only for this machine)"
        )
    return text


def parse_newcomers(text: str) -> UserRole | None:
    """Return the role of whoever comes without an invitation; `none`: nobody does. Raises: UnknownUserRole."""
    return None if text == "none" else parse_user_role(text)


def is_trustworthy(url: str) -> bool:
    """Return whether what comes from a URL cannot have been written by others on the way."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or "@" in parts.netloc or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
