"""Who sent a request, when proxies that are trusted stand before the server."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network
UNKNOWN = "-"


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of the client: the last one on the way that is no trusted proxy.

    X-Forwarded-For is believed only from the right, and only as far as trusted proxies wrote it:
    what stands left of the first address that is not trusted may be made up.
    """
    client = scope.get("client")
    if not client:
        return UNKNOWN
    last: str = client[0]
    if not trusted or not _is_trusted(last, trusted):
        return last
    for hop in reversed(_forwarded(scope)):
        address = _address(hop)
        if address is None:
            break
        last = str(address)
        if not _is_trusted(last, trusted):
            break
    return last


def _forwarded(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(values).decode("latin-1").split(",")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)
