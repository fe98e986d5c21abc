"""Taking out of a text what is secret, before it goes where secrets do not belong: a log, a refusal, a row.

Whoever sends a request may put a secret anywhere in it, and a receiver may repeat what it was sent.
Nothing is guessed by how random it looks: a text is masked because it is a secret of this server, or has
the form that only secrets have.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final
from urllib.parse import quote, unquote

from tocsin.domain.alert_key import LONGEST_KEY, SHORTEST_KEY, key_hash, masked
from tocsin.domain.auth_code import PendingAuthCode
from tocsin.secret import Secret

MASK: Final = "***"
SHORTEST: Final = 12
"""How many characters a part of a URL has that may be a secret, and by which the others are found."""

_MOST_STOPS: Final = 6
_BEFORE: Final = SHORTEST // 2

Masking = Callable[[str], str]
"""Returns a text without the secrets in it."""

# Tokens, sessions, invitations, Standard Webhooks' spelling of auth codes, one-time links, and lines of a master key: what any of
# them has in it, its form, and what is left of it. Of a token and a link that is as much as lists show.
_FORMS: Final = (
    ("tsn_", re.compile(r"(tsn_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"), r"\1..."),
    ("tss_", re.compile(r"(tss_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"), r"\1..."),
    ("tsi_", re.compile(r"(tsi_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"), r"\1..."),
    ("whsec_", re.compile(r"(whsec_)[A-Za-z0-9+/_-]+=*"), r"\1..."),
    ("/l/", re.compile(r"(/l/[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{8,}"), r"\1..."),
    ("/L/", re.compile(r"(/L/[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{8,}"), r"\1..."),
    ("=", re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}="), MASK),
)
_WORD: Final = re.compile(rf"[A-Za-z0-9._~-]{{{SHORTEST_KEY},{LONGEST_KEY}}}")
_AUTHORITY: Final = re.compile(r"^[^:]*://[^/?]*")
_URL_PART: Final = re.compile(r"[^/?&=;,:.]+")
_MIXED: Final = re.compile(r"[0-9]|[a-z].*[A-Z]|[A-Z].*[a-z]")


class KnownSecrets:
    """The secrets of a server, of at least `SHORTEST` characters; found also where they were cut short.

    `texts` are those that are known by heart, `key_hashes` those of alert keys.
    """

    def __init__(self, texts: Iterable[str] = (), key_hashes: Collection[bytes] = ()) -> None:
        self._key_hashes = key_hashes
        self._by_beginning: dict[str, list[str]] = {}
        for text in {_folded(spelling) for each in texts for spelling in _spellings(each)}:
            if len(text) < SHORTEST:  # would be found where it is not meant
                continue
            self._by_beginning.setdefault(text[:SHORTEST], []).append(text)

    def mask(self, text: str) -> str:
        """Return the text with a mask for each secret in it, whichever way a message quotes it."""
        for sign, form, left in _FORMS:
            if sign in text:
                text = form.sub(left, text)
        if self._key_hashes:
            text = _WORD.sub(lambda found: self._without_key(found[0]), text)
        return self._without_texts(text) if self._by_beginning else text

    def _without_key(self, word: str) -> str:
        """Return a word without the keys that stand in it between full stops, or are all of it."""
        for part in _between_stops(word):
            key = Secret(part)
            if key_hash(key) in self._key_hashes:
                word = word.replace(part, masked(key))
        return word

    def _without_texts(self, text: str) -> str:
        folded = _folded(text)
        few = len(self._by_beginning) < len(text)
        if few and not any(beginning in folded for beginning in self._by_beginning):
            return text
        begins = [
            place
            for place in range(len(text) - SHORTEST + 1)
            if folded[place : place + SHORTEST] in self._by_beginning
        ]
        parts, done = [], 0
        for place in begins:
            if place < done:
                continue
            known = self._by_beginning[folded[place : place + SHORTEST]]
            parts += [text[done:place], MASK]
            done = place + max(_common(folded, place, secret) for secret in known)
        return "".join([*parts, text[done:]])


def _between_stops(word: str) -> Iterator[str]:
    """Yield what may be a key of a word: what stands between any two full stops, if they are few."""
    parts = word.split(".")
    many = len(parts) > _MOST_STOPS
    spans = [[part] for part in parts] if many else _spans(parts)
    for span in (parts, *spans):
        part = ".".join(span)
        if len(part) >= SHORTEST_KEY:
            yield part


def _spans(parts: list[str]) -> list[list[str]]:
    ends = range(len(parts), 0, -1)
    return [parts[begin:end] for begin in range(len(parts)) for end in ends if end > begin]


def _folded(text: str) -> str:
    """Return a text in small letters, as routing keys and host names are shown; never of another length."""
    folded = text.lower()
    return folded if len(folded) == len(text) else text


def _common(text: str, place: int, secret: str) -> int:
    """Return how much of a secret stands at a place."""
    length = SHORTEST
    while text[place + length : place + length + 1] == secret[length : length + 1] != "":
        length += 1
    return length


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as messages and URLs write it."""
    yield secret
    yield repr(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="", errors="surrogatepass")


def secrets_of(url: str, auth_code: Secret, pending: PendingAuthCode | None) -> list[str]:
    """Return the texts that only a webhook's administrators and its receiver may see."""
    codes = [auth_code.reveal()]
    if pending is not None:
        codes.append(pending.code.reveal())
    return [*codes, *secret_parts(url)]


def secret_parts(url: str) -> Iterator[str]:
    """Yield the parts of a URL's path and query that may be secret: long, and more than words.

    Each comes a second time with a little of what stands before it: so it is found in a URL that was cut
    after the first few characters of it.
    """
    target = _AUTHORITY.sub("", url)
    for text in dict.fromkeys((target, unquote(target))):
        for part in _URL_PART.finditer(text):
            if len(part[0]) >= SHORTEST and _MIXED.search(part[0]):
                yield part[0]
                yield text[max(part.start() - _BEFORE, 0) : part.end()]
