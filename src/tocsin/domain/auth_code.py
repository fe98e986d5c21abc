"""What an auth code is: the secret that a webhook's owner and the server share."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.errors import TocsinError
from tocsin.secret import Secret

RANDOM_BYTES: Final = 27  # 216 bits: 6 for each of the 36 characters

_STANDARD_PREFIX: Final = "whsec_"
_IMPORTABLE: Final = re.compile(r"[!-~][ -~]{14,253}[!-~]")


@dataclass(frozen=True, slots=True)
class PendingAuthCode:
    """What will be a webhook's auth code. Until then its Standard Webhooks signatures are made with both.

    VictorOps' signature has room for one, so it is made with the old code until the new one is promoted.
    """

    code: Secret
    promote_at: datetime | None = None
    """When it takes over by itself; None: when somebody says so."""


class InvalidAuthCode(TocsinError):
    """The text cannot be an auth code. It is a secret all the same, so no message repeats it."""

    code = "invalid_auth_code"
    status_hint = 422


def make_auth_code(random_bytes: bytes) -> Secret:
    """Return a new auth code: 36 characters of `A-Z a-z 0-9 - ~`.

    `random_bytes` are RANDOM_BYTES from a cryptographic source. The alphabet has 64 symbols, so
    that six bits are one symbol and each is as likely as any other.
    Source: the shape of the one auth code that VictorOps has published.
    """
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"an auth code is made of {RANDOM_BYTES} random bytes")
    return Secret(base64.b64encode(random_bytes, altchars=b"-~").decode())


def check_auth_code(text: str) -> Secret:
    """Return the auth code that somebody brings from elsewhere, exactly as it is.

    It is signed with as bytes, so nothing of it is trimmed or decoded.
    Raises: InvalidAuthCode, unless it is 16 to 255 printable ASCII characters with no space at
    either end, and is not the `whsec_` spelling, which receivers would take for another key.
    """
    if text.startswith(_STANDARD_PREFIX):
        raise InvalidAuthCode(
            "this is the whsec_ spelling of a secret; give the auth code itself, which is what the "
            "base64 after whsec_ decodes to",
            reason="standard_spelling",
        )
    if not _IMPORTABLE.fullmatch(text):
        raise InvalidAuthCode(
            "an auth code is 16 to 255 printable ASCII characters, with no space at either end; "
            "copy it again, or leave it out and one is made",
            reason="form",
        )
    return Secret(text)


def standard_secret(auth_code: Secret) -> str:
    """Return the auth code as Standard Webhooks libraries take it: `whsec_` and base64.

    It is as secret as the auth code.
    """
    return _STANDARD_PREFIX + base64.b64encode(auth_code.reveal().encode()).decode()
