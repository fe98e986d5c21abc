"""Looking for secrets where they must not be, in every form in which they could be there."""

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

SHORTEST_PART = 7


@dataclass(frozen=True, order=True)
class Find:
    """A secret that was found: which, in what form, and where."""

    place: str
    secret: str
    form: str
    around: bytes = field(compare=False, default=b"")
    """What stands there, for whoever has to mend it."""


def hunt(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[Find]:
    """Return every secret (by what it is called) that stands in a place, whole or half, in any form.

    Whether letters are large or small does not matter: routing keys and host names are folded.
    """
    needles = [
        (name, form, needle.lower())
        for name, secret in secrets.items()
        for form, needle in forms(secret)
    ]
    return sorted(
        Find(place, name, form, _around(content, folded.index(needle)))
        for place, content in places.items()
        for folded in [content.lower()]
        for name, form, needle in needles
        if needle in folded
    )


def _around(content: bytes, at: int) -> bytes:
    return content[max(at - 80, 0) : at + 120]


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the ways in which a text may be written down, by name; each once."""
    seen: set[bytes] = set()
    for form, needle in _forms(secret):
        if needle not in seen:
            seen.add(needle)
            yield form, needle


def _forms(secret: str) -> Iterator[tuple[str, bytes]]:
    raw = secret.encode()
    yield "as it is", raw
    half = len(secret) // 2
    if half >= SHORTEST_PART:
        yield "its first half", secret[:half].encode()
        yield "its second half", secret[-half:].encode()
    yield "in JSON", json.dumps(secret)[1:-1].encode()
    yield "in JSON in JSON", json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()
    yield "in Python", repr(secret)[1:-1].encode()
    yield "in HTML", html.escape(secret).encode()
    yield "in YAML", secret.replace("'", "''").encode()
    yield "percent-encoded", quote(secret, safe="").encode()
    yield "in a form", quote_plus(secret).encode()
    yield "percent-encoded, every byte", "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "hexadecimal", raw.hex().encode()
    yield "UTF-16", secret.encode("utf-16-le")
    yield from ((f"base64, {how}", text) for how, text in _base64(raw))


def _base64(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is the same of the base64 of every text that holds these bytes.

    Three bytes become four characters, so there are three ways, each without what depends on its
    neighbours.
    """
    for shift in range(3):
        middle = raw[-shift % 3 :]
        middle = middle[: len(middle) - len(middle) % 3]
        for name, encode in (("usual", base64.b64encode), ("in URLs", base64.urlsafe_b64encode)):
            yield f"{name}, {shift}", encode(middle)


def told(finds: Iterable[Find]) -> str:
    """Return finds as a list for the one who has to look into them."""
    return "\n".join(f"{find.place}: {find.secret}, {find.form}: {find.around!r}" for find in finds)
