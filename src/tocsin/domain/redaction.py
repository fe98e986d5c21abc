"""What is taken out of a receiver's answer before it is kept: its own secrets, and ours that it echoes.

Receivers in trouble tell all that they know: a page that lists every header of the request, a path that
was not found, an auth code that did not match. What they tell is kept for years, and may be read by
people who may not see a webhook's secrets.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
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
_RUN: Final = re.compile(rb"[A-Za-z0-9]+")
# A punctuation mark as JSON, forms and HTML may write it. A backslash says nothing by itself.
_ESCAPE: Final = re.compile(
    rb"""\\u00(?P<json>2[0-9a-f]|3[a-f]|40|5[b-f]|60|7[b-e])
    |%(?:25)*(?P<form>2[0-9a-f]|3[a-f]|40|5[b-f]|60|7[b-e])
    |&\#x0*(?P<hex>2[0-9a-f]|3[a-f]|40|5[b-f]|60|7[b-e]);
    |&\#0*(?P<decimal>[0-9]{2,3});
    |&(?P<name>amp|lt|gt|quot|apos);
    |\\""",
    re.IGNORECASE | re.VERBOSE,
)
_ESCAPING: Final = re.compile(rb"[\\%&]")
_NAMED: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_MOST_LAYERS: Final = 8
# Base64 has two alphabets, and a form writes a space as a plus.
_ALIKE: Final = bytes.maketrans(b"+ /", b"--_")
_IN_A_SIGNATURE: Final = re.compile(rb"[A-Za-z0-9+/_%\\&;#-]{27,}")


class Sought(NamedTuple):
    """A text to be taken out, in whatever way a receiver spells it."""

    core: bytes
    """Letters and digits in a row, which every spelling leaves alone: what lacks them lacks the text."""
    text: str
    written: bytes
    """The text as it stands, but for what is alike."""
    plain: bytes
    """The text without any escape."""


def sought(text: str) -> Sought:
    """Return what to look for. Padding of base64 goes with it, whether or not it is there."""
    bare = text.rstrip("=")
    written = bare.encode().translate(_ALIKE)
    plain, _ = _unescaped(written)
    runs = _RUN.findall(written if plain is written else _ESCAPE.sub(b" ", written))
    return Sought(max(runs, key=len, default=b""), bare, written, plain)


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
    """Return the first `limit` bytes with every secret masked, also one that goes on beyond them.

    Takes a time in proportion to `raw` for each secret, whatever either looks like: nothing is compiled,
    and nothing is tried twice.
    """
    present = [secret for secret in secrets if secret.core in raw]
    if not present:
        return raw[:limit]
    end = len(raw) if limit is None else limit
    kept, at = [], 0
    for start, stop in sorted(_places(raw, present)):
        if start >= end:
            break
        if start >= at:
            kept += [raw[at:start], MASK]
        at = max(at, stop)
    return b"".join([*kept, raw[at:end]])


def _places(raw: bytes, secrets: Iterable[Sought]) -> Iterator[tuple[int, int]]:
    """Yield where secrets stand: as they are, and once every escape is undone."""
    written = raw.translate(_ALIKE)
    plain, begins = _unescaped(written)
    for secret in secrets:
        for start, stop in _found(secret.plain, plain):
            yield begins[start], begins[stop]
        if plain is not written:  # else all have been found
            yield from _found(secret.written, written)


def _found(text: bytes, raw: bytes) -> Iterator[tuple[int, int]]:
    """Yield where a text stands in another, with the padding behind it."""
    start = raw.find(text) if text else -1
    while start >= 0:
        stop = start + len(text)
        while raw[stop : stop + 1] == b"=":
            stop += 1
        yield start, stop
        start = raw.find(text, stop)


def _unescaped(raw: bytes) -> tuple[bytes, Sequence[int]]:
    """Return a text without escapes, and where each byte of it begins in `raw`; at last, where that ends.

    An escape may be escaped in turn: it is undone, too, as it would be in what is sought.
    """
    begins: Sequence[int] = range(len(raw) + 1)
    for _ in range(_MOST_LAYERS):
        if not _ESCAPING.search(raw):
            break
        parts: list[bytes] = []
        places: list[int] = []
        at = 0
        for found in _ESCAPE.finditer(raw):
            start, stop = found.span()
            mark = _mark(found)
            parts += (raw[at:start], mark)
            places += begins[at : start + len(mark)]
            at = stop
        if not parts:
            break
        raw = b"".join([*parts, raw[at:]])
        begins = [*places, *begins[at:]]
    return raw, begins


def _mark(escape: re.Match[bytes]) -> bytes:
    """Return the punctuation mark that an escape stands for; nothing for a bare backslash."""
    kind = escape.lastgroup
    if kind is None:
        return b""
    said = escape[kind]
    if kind == "name":
        return _NAMED[said.lower()]
    code = int(said) if kind == "decimal" else int(said, 16)
    mark = bytes([code]) if code < 128 else b""
    return b"" if mark.isalnum() else mark.translate(_ALIKE)
