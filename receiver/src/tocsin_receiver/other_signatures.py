"""What a signature may be where it is not spelled as it should be."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from tocsin_receiver.mistakes import Finding, Mistake

_LABEL = re.compile(r"(?:v1[,=]|(?:hmac[-_])?sha-?[0-9]{1,3}=)", re.IGNORECASE)
_NAMES = {"sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512", "md5": "MD5"}
_SIZES = {"sha1": 20, "sha256": 32, "sha512": 64, "md5": 16}
_LEAST_BYTES = 15
"""A shorter beginning is not looked at: it could be guessed, and an error must not confirm it."""


class Reading(NamedTuple):
    """A digest that a header may hold: whole, or its beginning. `finding` is None if it is as it should be."""

    digest: bytes
    algorithm: str
    finding: Finding | None


def readings(signature: str, *, algorithm: str) -> list[Reading]:
    """Return what a signature that should be base64 of an `algorithm` digest may mean."""
    exact = _from_base64(signature)
    if len(exact) == _SIZES[algorithm] and base64.b64encode(exact).decode() == signature:
        return [Reading(exact, algorithm, None)]
    text = _LABEL.sub("", signature.strip().strip("\"'"), count=1)
    unpadded = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    whole = unpadded[:-1] if len(unpadded) % 4 == 1 else unpadded
    decoded = (_from_base64(whole + "=" * (-len(whole) % 4)), _from_hexadecimal(text))
    return [reading for digest in decoded for reading in _read(digest, algorithm)]


def _read(digest: bytes, algorithm: str) -> list[Reading]:
    size = _SIZES[algorithm]
    if len(digest) == size:
        what = "the signature is right but for the way it is spelled"
        fix = "compare the header as it is with standard base64, padding included"
        return [Reading(digest, algorithm, Finding(Mistake.SIGNATURE_SPELLING, what, fix))]
    found = [
        Reading(digest, other, Finding(Mistake.OTHER_DIGEST, *_wrong_digest(other, algorithm)))
        for other, other_size in _SIZES.items()
        if len(digest) == other_size
    ]
    if _LEAST_BYTES <= len(digest) < size:
        what = "the signature is cut off"
        fix = "look for what shortens the header on its way: a proxy, a log, a column's width"
        finding = Finding(Mistake.SIGNATURE_TRUNCATED, what, fix)
        found.append(Reading(digest, algorithm, finding))
    return found


def _wrong_digest(other: str, algorithm: str) -> tuple[str, str]:
    what = f"the signature was made with {_NAMES[other]} in place of {_NAMES[algorithm]}"
    return what, f"sign with HMAC-{_NAMES[algorithm]}"


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # not base64, or not ASCII
        return b""


def _from_hexadecimal(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""
