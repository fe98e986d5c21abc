"""PEM as text: the blocks that it holds, before anybody reads what they encode."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

from tocsin.errors import TocsinError

MOST_CHARACTERS: Final = 256 * 1024
"""As much as the list of all public CAs has."""
CERTIFICATE: Final = "CERTIFICATE"
KEYS: Final = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"
_PASSED_OVER: Final = frozenset({"EC PARAMETERS"})  # openssl writes them in front of a key
_BEGIN: Final = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----")
_KEY_WORDS: Final = "PRIVATE KEY"


class InvalidPem(TocsinError):
    """The text is not the PEM that was asked for. It may hold a key, so no message repeats it."""

    code: ClassVar[str] = "invalid_pem"
    status_hint: ClassVar[int] = 422


class PemBlock(NamedTuple):
    """One block: `label` is the word of its first line, `text` the whole, as it is always written."""

    label: str
    text: str


def read_blocks(text: str, what: str) -> list[PemBlock]:
    """Return the blocks in order; what stands between them is a comment. `what` begins sentences.

    Raises: InvalidPem.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidPem(
            f"{what} is over {MOST_CHARACTERS // 1024} KiB; leave out what is not needed"
        )
    blocks = list(_blocks(text.splitlines(), what))
    if not blocks and "-----BEGIN " in text:
        raise InvalidPem(f"{what} has lost the ends of its lines; in YAML write a | before it")
    if not blocks:
        raise InvalidPem(f"{what} is not PEM text, which begins with -----BEGIN ...-----")
    return blocks


def _blocks(lines: Iterable[str], what: str) -> Iterator[PemBlock]:
    """Yield each block in one spelling, so that two files with the same content are the same text."""
    label = ""
    kept: list[str] = []
    for line in map(str.strip, lines):
        if begun := _BEGIN.fullmatch(line):
            if label:
                break
            label, kept = begun["label"], [line]
        elif label:
            if not line.isascii():
                raise InvalidPem(f"{what} has a character that PEM does not have; copy it again")
            kept.append(line)
            if line == f"-----END {label}-----":
                yield PemBlock(label, "\n".join([*kept, ""]))
                label = ""
    if label:
        raise InvalidPem(f"{what} has a block that begins and does not end; copy it again, whole")


def certificates_of(blocks: Sequence[PemBlock], what: str) -> str:
    """Return the text of the blocks, all of which must be certificates. Raises: InvalidPem."""
    for block in blocks:
        if block.label.endswith(_KEY_WORDS):
            raise InvalidPem(
                f"{what} holds a private key; give certificates only, and keep it secret"
            )
        if block.label != CERTIFICATE:
            raise InvalidPem(f"{what} holds a {block.label}; give certificates only")
    if not blocks:
        raise InvalidPem(f"{what} holds no certificate")
    return "".join(block.text for block in blocks)


def key_of(blocks: Sequence[PemBlock], what: str) -> str:
    """Return the text of the one private key among the blocks. Raises: InvalidPem."""
    keys = [block for block in blocks if block.label.endswith(_KEY_WORDS)]
    if len(keys) != 1:
        many = "more than one private key" if keys else "no private key"
        raise InvalidPem(f"{what} holds {many}; give the one that belongs to the certificate")
    (key,) = keys
    if key.label == _ENCRYPTED or "ENCRYPTED" in key.text:
        raise InvalidPem(
            f"{what} is encrypted, and nobody could type its passphrase when a page goes out; decrypt "
            "it first (openssl pkey -in KEY -out PLAIN): it is encrypted here, by the master key"
        )
    if key.label not in KEYS:
        raise InvalidPem(
            f"{what} is an {key.label}, which TLS does not use; give a PEM private key"
        )
    return key.text


def split_key(text: str, what: str) -> tuple[list[PemBlock], list[PemBlock]]:
    """Return the certificates of a text and its keys, which may stand in one file. Raises: InvalidPem."""
    blocks = [each for each in read_blocks(text, what) if each.label not in _PASSED_OVER]
    keys = [each for each in blocks if each.label.endswith(_KEY_WORDS)]
    return [each for each in blocks if each not in keys], keys
