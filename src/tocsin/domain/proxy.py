"""The forward proxy through which webhooks leave, where the operator's network wants it so."""

from base64 import b64encode
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import unquote_to_bytes

from tocsin.domain.webhook_url import InvalidWebhookUrl, check_webhook_url
from tocsin.errors import TocsinError
from tocsin.secret import Secret


class InvalidProxy(TocsinError):
    """The URL of a proxy cannot be used. It may hold a password, so it is not told."""

    code: ClassVar[str] = "invalid_proxy"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked for a tunnel to each receiver (CONNECT).

    `host` has no brackets. `authorization` is the value of Proxy-Authorization, None without a user.
    With `resolves` the proxy is given names, and it alone decides which addresses they may lead to;
    otherwise it is given an address that was looked up and checked here.
    """

    host: str
    port: int
    authorization: Secret | None = None
    resolves: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `http://HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT`. Raises: InvalidProxy."""
        scheme, _, rest = text.partition("://")
        user, at, place = rest.rpartition("@")
        if not (user.isascii() and user.isprintable()):
            raise InvalidProxy(_FORM)
        try:
            parts = check_webhook_url(f"{scheme}://{place}")
        except InvalidWebhookUrl:
            raise InvalidProxy(_FORM) from None
        # The usual port of http is no proxy's, so none is meant by leaving it out.
        has_port = parts.host_header.endswith(f":{parts.port}")
        if parts.scheme != "http" or not has_port or place.removesuffix("/") != parts.host_header:
            raise InvalidProxy(_FORM)
        return cls(parts.host, parts.port, _basic(user) if at else None)

    def __str__(self) -> str:
        return authority(self.host, self.port)


_FORM = (
    "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with what is not a letter or a digit "
    "in them percent-encoded"
)


def authority(host: str, port: int) -> str:
    """Return a host, or an address, and a port as CONNECT names them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _basic(user: str) -> Secret:
    """Return the value of the header. Source: RFC 7617."""
    name, _, password = user.partition(":")
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return Secret(f"Basic {b64encode(pair).decode('ascii')}")
