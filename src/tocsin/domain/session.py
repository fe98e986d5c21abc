"""Sessions: what a browser shows after a sign-in, for how long, and what its forms must repeat."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.principal import Principal
from tocsin.domain.user import User
from tocsin.secret import Secret

SESSION_PREFIX: Final = "tss_"
SESSION_BYTES: Final = 32
LASTS: Final = timedelta(days=30)
"""From the sign-in on, however much it is used."""
LASTS_UNUSED: Final = timedelta(days=7)
"""From a page to the next. Whoever is woken at three should not have to type a password."""
TOUCH_AFTER: Final = timedelta(minutes=5)
"""How old what is on record of the last page may be: a page must not cost a commit."""
LONGEST_AGENT: Final = 200
_SHORT: Final = 40
# In this order: most of them say that they are one of those that follow, too.
_BROWSERS: Final = (
    *(
        ("Edg/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
    ),
    *(
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("HeadlessChrome/", "Chromium"),
    ),
    *(("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")),
)
_SYSTEMS: Final = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("CrOS", "ChromeOS"), ("Macintosh", "macOS"), ("Linux", "Linux")),
)
_SESSION: Final = re.compile(rf"{SESSION_PREFIX}[A-Za-z0-9_-]{{43}}")
_CSRF: Final = b"tocsin csrf 1"


@dataclass(frozen=True, slots=True)
class Client:
    """Where a sign-in came from, so that its owner knows it again in a list."""

    address: str
    agent: str
    """What the browser says that it is."""

    @property
    def words(self) -> str:
        """Return the agent in words, such as `Firefox on Linux`; else as much of it as a list can show."""
        browser = next((name for sign, name in _BROWSERS if sign in self.agent), None)
        if browser is None:
            return self.agent[:_SHORT] or "an unknown browser"
        system = next((name for sign, name in _SYSTEMS if sign in self.agent), None)
        return browser if system is None else f"{browser} on {system}"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner sees it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    client: Client


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session's token is shown by."""

    principal: Principal
    user: User
    session_id: int
    needs_touch: bool
    """Whether it should be put on record that it is in use."""


def make_session_token(random_bytes: bytes) -> Secret:
    """Return a new token, `tss_` and 43 characters. Units: 32 bytes from a cryptographic source."""
    if len(random_bytes) != SESSION_BYTES:
        raise ValueError(f"a session's token is made of {SESSION_BYTES} random bytes")
    return Secret(SESSION_PREFIX + base64.urlsafe_b64encode(random_bytes).decode().rstrip("="))


def session_hash(token: Secret) -> bytes | None:
    """Return the 32 bytes under which a session is kept (SHA-256); None: the text is no session's token."""
    text = token.reveal()
    return hashlib.sha256(text.encode()).digest() if _SESSION.fullmatch(text) else None


def csrf_token(token: Secret) -> str:
    """Return what every form of a session repeats: known to its pages, and useless without its cookie.

    HMAC-SHA256 of a constant, keyed with the session's token, which it does not give away.
    """
    mac = hmac.digest(token.reveal().encode(errors="surrogatepass"), _CSRF, hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def is_csrf_token(token: Secret, given: str) -> bool:
    """Return whether a form came from a page of this session. It takes as long for every wrong text."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode(errors="surrogatepass"))
