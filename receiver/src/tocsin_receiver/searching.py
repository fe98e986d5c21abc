"""Trying what a signature may be of, until it is: the usual mistakes, alone and together."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple, Protocol

from tocsin_receiver.mistakes import Finding
from tocsin_receiver.other_signatures import Reading
from tocsin_receiver.signed_content import Piece


class Content(Protocol):
    """What may be signed."""

    def message(self) -> bytes: ...

    def pieces(self) -> list[Piece]: ...


class Part(NamedTuple):
    """What may be signed as the beginning, or after it, and what is wrong if it is."""

    content: Content
    message: bytes
    findings: list[Finding]


class Key(NamedTuple):
    """What it may be signed with, and what is wrong if it is."""

    key: bytes
    findings: list[Finding]


class Found(NamedTuple):
    """What a signature is of, and everything that is wrong."""

    pieces: list[Piece]
    findings: list[Finding]


def part(content: Content, findings: Iterable[Finding] = ()) -> Part:
    return Part(content, content.message(), list(findings))


def distinct(parts: Iterable[Part]) -> list[Part]:
    """Return the parts, of those with the same bytes only the first."""
    found: dict[bytes, Part] = {}
    for each in parts:
        found.setdefault(each.message, each)
    return list(found.values())


def search(
    begins: Sequence[Part],
    contents: Sequence[Part],
    keys: Sequence[Key],
    readings: Sequence[Reading],
    *,
    most_mistakes: int,
    most_bytes: int,
) -> Found | None:
    """Return what the signature is of; the fewest mistakes that explain it.

    The first of each sequence is what was given. At most `most_mistakes` of the three are replaced
    at once, and the work ends after `most_bytes` were signed, so that nobody who sends nonsense can
    order more of it. Nothing tried here makes a request valid.
    """
    signed = 0
    for at in _places([len(begins), len(contents), len(keys)], most_mistakes):
        begin, content, key = begins[at[0]], contents[at[1]], keys[at[2]]
        message = begin.message + content.message
        for digest, algorithm, finding in readings:
            expected = hmac.digest(key.key, message, algorithm)
            if hmac.compare_digest(expected[: len(digest)], digest):
                pieces = [*begin.content.pieces(), *content.content.pieces()]
                spelling = [finding] if finding else []
                return Found(pieces, [*begin.findings, *content.findings, *key.findings, *spelling])
            signed += len(message)
        if signed > most_bytes:
            return None
    return None


def _places(lengths: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield indices of each sequence: all 0, then with one of them another, then with two."""
    axes = range(len(lengths))
    for count in range(most + 1):
        for changed in combinations(axes, count):
            yield from product(
                *(range(1, lengths[axis]) if axis in changed else (0,) for axis in axes)
            )
