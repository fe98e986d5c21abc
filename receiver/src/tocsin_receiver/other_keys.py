"""Keys that a signature may have been made with where a receiver has the auth code in another form."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tocsin_receiver.mistakes import Finding, Mistake
from tocsin_receiver.searching import Key
from tocsin_receiver.signing import SECRET_PREFIX

_WHITESPACE = b" \t\r\n"


class OtherKey(NamedTuple):
    """A key, and what is wrong if the signature was made with it."""

    key: bytes
    finding: Finding


def other_keys(auth_code: bytes) -> list[OtherKey]:
    """Return what may be the key in place of the auth code's own bytes."""
    return _distinct(_others(auth_code), but=auth_code)


def other_standard_keys(auth_code: bytes) -> list[OtherKey]:
    """Return what may be the key of a Standard Webhooks signature in place of the right one."""
    stripped = auth_code.strip(_WHITESPACE)
    if stripped.startswith(SECRET_PREFIX):
        return list(_spelled(stripped))
    return _distinct(map(_of_standard, _others(auth_code)), but=auth_code)


def keys_of(key: bytes, given: Iterable[bytes], others: Iterable[OtherKey]) -> list[Key]:
    """Return the key, then the further auth codes that were given, then what else it may be."""
    known = [Key(other, [_other_auth_code(number)]) for number, other in enumerate(given, 2)]
    return [Key(key, []), *known, *(Key(other.key, [other.finding]) for other in others)]


def _other_auth_code(number: int) -> Finding:
    what = f"the request is signed with another auth code, number {number} of those given"
    fix = "give the receiver the auth code of the webhook that calls it"
    return Finding(Mistake.OTHER_AUTH_CODE, what, fix)


def _distinct(others: Iterable[OtherKey], *, but: bytes) -> list[OtherKey]:
    found: dict[bytes, OtherKey] = {}
    for other in others:
        found.setdefault(other.key, other)
    return [other for key, other in found.items() if key not in (b"", but)]


def _of_standard(other: OtherKey) -> OtherKey:
    if other.finding.mistake is not Mistake.AUTH_CODE_DECODED:
        return other
    what = "the auth code was given as the base64 of a secret, without its whsec_"
    fix = "put whsec_ before it, or give what it decodes to"
    return OtherKey(other.key, Finding(Mistake.AUTH_CODE_SPELLING, what, fix))


def _spelled(secret: bytes) -> Iterator[OtherKey]:
    what = "the signature was made with the whsec_ spelling itself as the key"
    fix = "key with what the base64 after whsec_ decodes to, where the signature is made"
    yield OtherKey(secret, Finding(Mistake.AUTH_CODE_SPELLING, what, fix))


def _others(auth_code: bytes) -> Iterator[OtherKey]:
    stripped = auth_code.strip(_WHITESPACE)
    what = "the auth code was given with a space or a line's end around it"
    fix = "strip it where your program reads it; a file's last line ends with one"
    yield OtherKey(stripped, Finding(Mistake.AUTH_CODE_WHITESPACE, what, fix))
    if len(stripped) > 1 and stripped[:1] == stripped[-1:] and stripped[:1] in (b'"', b"'"):
        what = "the auth code was given with quotation marks around it"
        yield OtherKey(stripped[1:-1], Finding(Mistake.AUTH_CODE_QUOTED, what, "take them off"))
    if stripped.startswith(SECRET_PREFIX):
        what = "the auth code was given in its whsec_ spelling, which only Standard Webhooks knows"
        fix = "give the auth code itself, which is what the base64 after whsec_ decodes to"
        finding = Finding(Mistake.AUTH_CODE_SPELLING, what, fix)
        yield from _decoded(stripped[len(SECRET_PREFIX) :], finding)
    what = "the signature was made with a line's end after the auth code"
    fix = "strip the auth code where the signature is made"
    for ending in (b"\n", b"\r\n"):
        yield OtherKey(stripped + ending, Finding(Mistake.AUTH_CODE_WHITESPACE, what, fix))
    what = "the signature was made with the auth code decoded, as if it were base64 or hexadecimal"
    fix = "use the auth code's own characters as the key, where the signature is made"
    yield from _decoded(stripped, Finding(Mistake.AUTH_CODE_DECODED, what, fix))
    what = "the signature was made with the whsec_ spelling of the auth code as the key"
    spelled = SECRET_PREFIX + base64.b64encode(stripped)
    yield OtherKey(spelled, Finding(Mistake.AUTH_CODE_SPELLING, what, fix))


def _decoded(text: bytes, finding: Finding) -> Iterator[OtherKey]:
    """Yield what the text is in base64, in the alphabet of URLs too, and in hexadecimal."""
    padded = text.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(text) % 4)
    yield from (OtherKey(key, finding) for key in (_from_base64(padded), _from_hexadecimal(text)))


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _from_hexadecimal(text: bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""
