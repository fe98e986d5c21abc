"""What was found out about a signature, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tocsin_receiver.mistakes import Finding, sentence
from tocsin_receiver.searching import Found
from tocsin_receiver.signed_content import Piece


class Scheme(str, Enum):
    """Which of the two signatures. The values are public and never change."""

    VICTOROPS = "victorops"
    STANDARD = "standard"


NOTHING_USUAL = {
    Scheme.VICTOROPS: (
        "the signature does not match: compare the URL with the webhook's, character by character "
        "(scheme, port, trailing slash, query), and the auth code; and verify the form unchanged"
    ),
    Scheme.STANDARD: (
        "no signature matches: verify the body's bytes as they arrived, with this webhook's auth code"
    ),
}


@dataclass(frozen=True)
class SignedPart:
    """Some bytes of the signed text, and where they come from.

    `origin` is `url`, `name`, `value`, `id`, `timestamp`, `delimiter` or `body`; `field` is the name
    of the field that a name or value belongs to. Units: `offset` is in bytes.
    """

    origin: str
    field: str
    data: bytes
    offset: int

    @property
    def text(self) -> str:
        """The bytes as text; those that are no UTF-8 as escapes."""
        return self.data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Explanation:
    """What was found out about one signature.

    `parts` make the text that was verified. `signed` make the text that the signature really is of:
    the same if it is right, None if it could not be found out. `findings` are what is wrong.
    """

    scheme: Scheme
    parts: tuple[SignedPart, ...]
    signed: tuple[SignedPart, ...] | None
    findings: tuple[Finding, ...]

    @property
    def is_believed(self) -> bool:
        """Whether a receiver believes the request."""
        return self.signed is not None and not self.findings

    @property
    def length(self) -> int:
        """How many bytes the text has that was verified."""
        return sum(len(part.data) for part in self.parts)

    @property
    def verdict(self) -> str:
        """What is wrong, and what to do about it, in one line."""
        if self.is_believed:
            return "the signature is right"
        return sentence(self.findings) if self.findings else NOTHING_USUAL[self.scheme]


def make_explanation(
    scheme: Scheme, pieces: Iterable[Piece], found: Found | None, findings: Iterable[Finding]
) -> Explanation:
    """Return what was found, or `findings` if nothing was."""
    return Explanation(
        scheme=scheme,
        parts=_parts(pieces),
        signed=_parts(found.pieces) if found else None,
        findings=tuple(found.findings if found else findings),
    )


def _parts(pieces: Iterable[Piece]) -> tuple[SignedPart, ...]:
    parts, offset = [], 0
    for origin, field, data in pieces:
        parts.append(SignedPart(origin, field, data, offset))
        offset += len(data)
    return tuple(parts)
