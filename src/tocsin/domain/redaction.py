"""What is taken out of a receiver's answer before it is kept: its own secrets, and ours that it echoes.

Receivers in trouble tell all that they know: a page that lists every header of the request, a path that
was not found, an auth code that did not match. What they tell is kept for years, and may be read by
people who may not see a webhook's secrets.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tocsin.domain.auth_code import standard_secret
from tocsin.secret import Secret

MASK: Final = b"***"
_SHORTEST_PART: Final = 8
"""A whole path or query that is shorter keeps no secret, and would be found where it is not meant."""
_SHORTEST_PIECE: Final = 16
"""The same for one segment of a path, or one value of a query."""
_SENSITIVE_HEADER: Final = re.compile(
    rb"cookie|auth|token|secret|passw|credential|session|signature|api-?key", re.IGNORECASE
)
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
# Base64 has two alphabets, and a form writes a space as a plus.
_INSTEAD: Final = {"+": "-", "/": "_", " ": "+"}
_IN_A_SIGNATURE: Final = re.compile(rb"[A-Za-z0-9+/_%\\&;#-]{27,}")


class Sought(NamedTuple):
    """A text to be taken out, in whatever way a receiver spells it."""

    core: bytes
    """Letters and digits in a row, which every spelling leaves alone: what lacks them lacks the text."""
    text: str


def sought(text: str) -> Sought:
    """Return what to look for. Padding of base64 goes with it, whether or not it is there."""
    bare = text.rstrip("=")
    return Sought(max(_RUN.findall(bare), key=len, default="").encode(), bare)


@lru_cache(maxsize=4096)
def secrets_of(url: str, auth_codes: tuple[Secret, ...]) -> tuple[Sought, ...]:
    """Return the secrets of a webhook: its auth codes in both spellings, and what is long in its URL."""
    codes = [
        text
        for code in auth_codes
        for text in (code.reveal(), standard_secret(code).removeprefix("whsec_"))
    ]
    parts = urlsplit(url)
    whole = (f"{parts.path}?{parts.query}", parts.path, parts.query)
    pieces = re.split(r"[/?&=;]", url.partition("://")[2])[1:]
    found = [
        *(text for text in whole if len(text) >= _SHORTEST_PART),
        *(text for text in pieces if len(text) >= _SHORTEST_PIECE),
    ]
    return tuple(map(sought, dict.fromkeys(codes + found)))


def signatures_in(head: bytes) -> tuple[Sought, ...]:
    """Return the signatures that the head of a request carries."""
    headers = (line.partition(b": ") for line in head.split(b"\r\n"))
    values = (value for name, _, value in headers if name.lower().endswith(b"-signature"))
    tokens = (token for value in values for token in value.split(b" "))
    return tuple(sought(token.rpartition(b",")[2].decode("latin-1")) for token in tokens if token)


def may_hold_signature(raw: bytes) -> bool:
    """Return whether anything in there is long enough to be a signature, in whatever spelling.

    Or a one-time link, which is longer.
    """
    return _IN_A_SIGNATURE.search(raw) is not None


def is_sensitive(header_name: bytes) -> bool:
    """Return whether a header of this name holds a secret, whatever its value is."""
    return _SENSITIVE_HEADER.search(header_name) is not None


def redact(raw: bytes, secrets: Iterable[Sought], *, limit: int | None = None) -> bytes:
    """Return the first `limit` bytes with every secret masked, also one that goes on beyond them."""
    present = [secret for secret in secrets if secret.core in raw]
    if not present:
        return raw[:limit]
    end = len(raw) if limit is None else limit
    kept, at = [], 0
    for match in _pattern(present).finditer(raw):
        if match.start() >= end:
            break
        kept += [raw[at : match.start()], MASK]
        at = match.end()
    return b"".join([*kept, raw[at:end]])


def _pattern(secrets: Iterable[Sought]) -> re.Pattern[bytes]:
    # The longest first, so that a path is not found within the URL that it is a part of.
    texts = sorted({secret.text for secret in secrets}, key=len, reverse=True)
    padding = f"(?:{_spelled('=')})*"
    return re.compile("|".join("".join(map(_spelled, text)) + padding for text in texts).encode())


@lru_cache(maxsize=256)
def _spelled(character: str) -> str:
    """Return the pattern of a character as forms, JSON and HTML may write it."""
    if character.isalnum():
        return character
    code = ord(character)
    forms = [
        re.escape(character),
        rf"\\{re.escape(character)}",
        rf"(?i:%(?:25)*{code:02x})",
        rf"(?i:\\u00{code:02x})",
        rf"&#0*{code};",
        rf"(?i:&#x0*{code:x};)",
        *(re.escape(text) for text in (_HTML.get(character), _INSTEAD.get(character)) if text),
    ]
    return f"(?:{'|'.join(forms)})"
