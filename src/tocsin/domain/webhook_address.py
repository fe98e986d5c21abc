"""A webhook's URL whose host is known to be an address: it is judged before anything is sent."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Final

from tocsin.domain.network import Networks, decide_reach
from tocsin.domain.webhook_url import check_webhook_url
from tocsin.errors import TocsinError

_LOCALHOST: Final = re.compile(r"(?:.+\.)?localhost\.?", re.IGNORECASE)
_LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


class WebhookAddressRefused(TocsinError):
    """The URL leads to an address that webhooks may not reach."""

    code: ClassVar[str] = "webhook_address_refused"
    status_hint: ClassVar[int] = 422


def check_url_and_address(url: str, networks: Networks) -> None:
    """Refuse a URL that could never be called; any other name is judged when it is resolved.

    Raises: InvalidWebhookUrl, WebhookAddressRefused.
    """
    parts = check_webhook_url(url)
    decisions = [decide_reach(str(one), parts.port, networks) for one in _addresses(parts.host)]
    if decisions and not any(decision.is_allowed for decision in decisions):
        raise WebhookAddressRefused(decisions[0].sentence, reason=decisions[0].reason.value)


def _addresses(host: str) -> Sequence[IPv4Address | IPv6Address]:
    """Return the addresses of a host that needs no look-up. Source: RFC 6761, 6.3, for localhost."""
    if _LOCALHOST.fullmatch(host):
        return _LOOPBACK
    address = literal_address(host)
    return () if address is None else (address,)


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host spells, also as resolvers read it: `127.1`, `0x7f000001`.

    Source: POSIX, inet_addr(): one to four numbers, decimal, octal or hexadecimal, of which the last
    fills what the others leave.
    """
    try:
        return ip_address(host)
    except ValueError:
        parts = host.removesuffix(".").split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *heads, last = (_number(part) for part in parts)
    except ValueError:
        return None
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        return None
    shifted = (head << 8 * (3 - place) for place, head in enumerate(heads))
    return IPv4Address(sum(shifted) + last)


def _number(text: str) -> int:
    if text[:2].lower() == "0x":
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)
