"""A webhook's URL whose host is an address already: it can be judged before anything is sent."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Final

from tocsin.domain.network import Networks, decide_address
from tocsin.domain.webhook_url import check_webhook_url
from tocsin.errors import TocsinError

_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


class WebhookAddressRefused(TocsinError):
    """The URL leads to an address that webhooks may not reach."""

    code: ClassVar[str] = "webhook_address_refused"
    status_hint: ClassVar[int] = 422


def check_url_and_address(url: str, networks: Networks) -> None:
    """Refuse a URL that could never be called; a name is judged when it is resolved.

    Raises: InvalidWebhookUrl, WebhookAddressRefused.
    """
    address = literal_address(check_webhook_url(url).host)
    if address is None:
        return
    decision = decide_address(str(address), networks)
    if not decision.is_allowed:
        raise WebhookAddressRefused(decision.sentence, reason=decision.reason.value)


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
