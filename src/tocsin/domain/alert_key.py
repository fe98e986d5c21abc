"""Alert keys: what a monitoring system shows, in the URL it posts to, to be let in."""

import hashlib
import re
import uuid
from typing import ClassVar

from tocsin.errors import TocsinError
from tocsin.secret import Secret

SHORTEST_KEY = 8
LONGEST_KEY = 128
# What a URL's path carries as it is (RFC 3986, 2.3, unreserved), so that nobody has to encode it.
_KEY = re.compile(rf"[A-Za-z0-9._~-]{{{SHORTEST_KEY},{LONGEST_KEY}}}")
_MOST_SHOWN = 4


class InvalidAlertKey(TocsinError):
    """An imported key that could not stand in a URL, or is too short to be one."""

    code: ClassVar[str] = "invalid_alert_key"


def make_alert_key(random_bytes: bytes) -> Secret:
    """Return a new key that looks as VictorOps' do: a random UUID.

    Units: 16 bytes from a source fit for secrets; 122 of their bits survive.
    """
    return Secret(str(uuid.UUID(bytes=random_bytes, version=4)))


def parse_alert_key(text: str) -> Secret:
    """Return a key brought from elsewhere, so that senders keep their URL. Raises: InvalidAlertKey.

    The refusal does not repeat the text: it may be most of somebody's real key.
    """
    if not is_alert_key(Secret(text)):
        raise InvalidAlertKey(
            f"This cannot be an alert key: give {SHORTEST_KEY} to {LONGEST_KEY} letters, digits, "
            "'-', '.', '_' and '~'",
            length=len(text),
        )
    return Secret(text)


def is_alert_key(key: Secret) -> bool:
    """Return whether the text could be an alert key, of this server or another."""
    return _KEY.fullmatch(key.reveal()) is not None


def masked(key: Secret) -> str:
    """Return what a log may show of a key, or of whatever a sender put in its place."""
    text = key.reveal()
    # A quarter at the most, or a short key would be given away; what cannot be a key could forge a
    # line of log.
    shown = text[: min(_MOST_SHOWN, len(text) // 4)] if is_alert_key(key) else ""
    return f"{shown}..."


def key_hash(key: Secret) -> bytes:
    """Return the 32 bytes under which a key is kept and looked up (SHA-256). Never raises.

    Plain SHA-256: a made key has too many bits to be guessed from it, and looking one up must
    cost nothing. Keys are compared as they are, case and all.
    """
    return hashlib.sha256(key.reveal().encode(errors="surrogatepass")).digest()
