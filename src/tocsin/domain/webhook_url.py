"""Which URLs a webhook may have, and what a request for one says.

The URL is signed as it was typed, so nothing here, or anywhere, alters it: what cannot be sent as
it stands is refused with a reason, and never mended.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv6Address
from typing import Final, Literal, cast

from tocsin.errors import TocsinError

MAX_CHARACTERS: Final = 2048

Scheme = Literal["http", "https"]

_DEFAULT_PORTS: Final[dict[Scheme, int]] = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"(https?)://", re.IGNORECASE)
_AUTHORITY_END: Final = re.compile(r"[/?]|$")
_HOST_AND_PORT: Final = re.compile(r"(\[[^\]]*\]|[^\[\]:]*)(?::(.*))?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_NAME: Final = re.compile(r"(?=.{1,254}$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")


class UrlFault(StrEnum):
    """What is wrong with a URL; the text of the refusal says how to mend it."""

    BACKSLASH = "backslash"
    BAD_HOST = "bad_host"
    BAD_PORT = "bad_port"
    CONTROL = "control"
    FRAGMENT = "fragment"
    NO_HOST = "no_host"
    NOT_ASCII = "not_ascii"
    SCHEME = "scheme"
    SPACE = "space"
    TOO_LONG = "too_long"
    USERINFO = "userinfo"


_MENDING: Final = {
    UrlFault.BACKSLASH: "the URL has a backslash; write / between parts of a path, %5C for the rest",
    UrlFault.BAD_HOST: "the URL's host is neither a name, an IPv4 address nor an IPv6 address in "
    "brackets, such as [2001:db8::1]",
    UrlFault.BAD_PORT: "the URL's port is not a number from 1 to 65535; leave the colon out for the "
    "usual port",
    UrlFault.CONTROL: "the URL has a control character, such as a tab or a line's end; take it out",
    UrlFault.FRAGMENT: "the URL has a fragment, which is never sent; leave out # and what follows, "
    "or write %23",
    UrlFault.NO_HOST: "the URL has no host; write it as https://host/path",
    UrlFault.NOT_ASCII: "the URL has a character outside ASCII; write a host in punycode (xn--...) "
    "and the rest percent-encoded as UTF-8",
    UrlFault.SCHEME: "the URL does not begin with https:// or http://",
    UrlFault.SPACE: "the URL has a space; write %20, and none before or after it",
    UrlFault.TOO_LONG: f"the URL is over {MAX_CHARACTERS} characters; make it shorter",
    UrlFault.USERINFO: "the URL has a user name or password, which is not sent; leave out the @ and "
    "what is before it: the signature is what proves the sender",
}


class InvalidWebhookUrl(TocsinError):
    """The URL cannot be called exactly as it is written. URLs may hold secrets, so it is not told."""

    code = "invalid_webhook_url"
    status_hint = 422

    def __init__(self, fault: UrlFault) -> None:
        super().__init__(_MENDING[fault], reason=fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class UrlParts:
    """What a request needs of a URL. The URL itself stays what it was.

    `host` is as written, without brackets; `port` the usual one if none is written; `target` what
    follows the authority, from `/`; `host_header` the authority as written, so with a port only if
    the URL has one.
    """

    scheme: Scheme
    host: str
    port: int
    target: str
    host_header: str


def check_webhook_url(url: str) -> UrlParts:
    """Return the parts of a URL that can be called as it is.

    Raises: InvalidWebhookUrl, whose message says how to mend it.
    """
    _refuse_characters(url)
    begin = _SCHEME.match(url)
    if begin is None:
        raise InvalidWebhookUrl(UrlFault.SCHEME)
    scheme = cast("Scheme", begin[1].lower())
    end = cast("re.Match[str]", _AUTHORITY_END.search(url, begin.end())).start()
    authority, rest = url[begin.end() : end], url[end:]
    host, port = _host_and_port(authority)
    return UrlParts(
        scheme=scheme,
        host=host,
        port=_DEFAULT_PORTS[scheme] if port is None else port,
        target=rest if rest.startswith("/") else "/" + rest,
        host_header=authority,
    )


def _refuse_characters(url: str) -> None:
    if len(url) > MAX_CHARACTERS:
        raise InvalidWebhookUrl(UrlFault.TOO_LONG)
    for character, fault in (
        ("#", UrlFault.FRAGMENT),
        (" ", UrlFault.SPACE),
        ("\\", UrlFault.BACKSLASH),
    ):
        if character in url:
            raise InvalidWebhookUrl(fault)
    if not url.isascii():
        raise InvalidWebhookUrl(UrlFault.NOT_ASCII)
    if not url.isprintable():
        raise InvalidWebhookUrl(UrlFault.CONTROL)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise InvalidWebhookUrl(UrlFault.USERINFO)
    parts = _HOST_AND_PORT.fullmatch(authority)
    if parts is None:
        raise InvalidWebhookUrl(UrlFault.BAD_HOST)
    written_host, written_port = parts.groups()
    if not written_host:
        raise InvalidWebhookUrl(UrlFault.NO_HOST)
    return _host(written_host), _port(written_port)


def _host(written: str) -> str:
    if written.startswith("["):
        return _ipv6(written[1:-1])
    if not _NAME.fullmatch(written):
        raise InvalidWebhookUrl(UrlFault.BAD_HOST)
    return written


def _ipv6(written: str) -> str:
    try:
        address = IPv6Address(written)
    except AddressValueError:
        raise InvalidWebhookUrl(UrlFault.BAD_HOST) from None
    if address.scope_id is not None:  # means something on one machine only
        raise InvalidWebhookUrl(UrlFault.BAD_HOST)
    return written


def _port(written: str | None) -> int | None:
    if written is None:
        return None
    if not _PORT.fullmatch(written) or not 1 <= int(written) <= 65535:
        raise InvalidWebhookUrl(UrlFault.BAD_PORT)
    return int(written)
