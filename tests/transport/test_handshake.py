"""What Python tells of a chain that was not verified differs between its versions."""

import ssl
from typing import Any, cast

from tests.certificates import make, make_ca

from tocsin.transport.handshake import _sent_chain

ROOT = make_ca("Root")
LEAF = make(issuer=ROOT)


class Inner:
    """What 3.11 and 3.12 have inside."""

    def get_unverified_chain(self) -> list[Any] | None:
        return [Outer(LEAF.der), Outer(ROOT.der)]


class Outer:
    """A certificate as the C module has it."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def public_bytes(self, form: int) -> bytes:
        assert form == ssl._ssl.ENCODING_DER  # type: ignore[attr-defined]
        return self.der


class Of311:
    _sslobj = Inner()


class Of313:
    def get_unverified_chain(self) -> list[bytes]:
        return [LEAF.der, ROOT.der]


class OfAnother:
    """A Python that shows the first certificate only."""

    def __init__(self, *, is_agreed: bool) -> None:
        self.is_agreed = is_agreed

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        if not self.is_agreed:
            raise ValueError("handshake not done yet")
        return LEAF.der if binary_form else None


def chain(of: object) -> tuple[list[bytes], bool]:
    found, is_whole = _sent_chain(cast(ssl.SSLObject, of))
    return list(found), is_whole


def test_the_whole_chain_is_seen_where_python_shows_it() -> None:
    """In 3.13 officially, before that inside."""
    assert chain(Of311()) == chain(Of313()) == ([LEAF.der, ROOT.der], True)


def test_elsewhere_the_first_certificate_must_do() -> None:
    """And it is said that there may be more; before both sides agreed there is none."""
    assert chain(OfAnother(is_agreed=True)) == ([LEAF.der], False)
    assert chain(OfAnother(is_agreed=False)) == ([], False)


def test_this_python_shows_the_whole_chain() -> None:
    """None of those that Tocsin is tested on is such a one."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a.example"
    )
    assert chain(tls) == ([], True)
