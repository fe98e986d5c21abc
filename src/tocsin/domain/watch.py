"""The mutual watch: installations that call each other's heartbeats, and page when one falls silent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from tocsin.domain.webhook_url import InvalidWebhookUrl, UrlParts, check_webhook_url
from tocsin.errors import TocsinError
from tocsin.secret import Secret

CALL_EVERY: Final = timedelta(seconds=30)
AGAIN_AFTER: Final = timedelta(seconds=10)
"""After a call that failed, so that one that is lost on the way pages nobody."""
MOST_PEERS: Final = 16


class WatchState(StrEnum):
    """How the last call to a peer ended."""

    NOT_CALLED = "not_called"
    REACHED = "reached"
    FAILING = "failing"
    WITHHELD = "withheld"
    """It was not called, because this server itself is not well: the peer will page."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another installation: the URL of the heartbeat that it has for this one, which holds its alert key."""

    url: Secret
    parts: UrlParts = field(repr=False)

    @property
    def name(self) -> str:
        """Return how people are told of it, without the secret."""
        return f"{self.parts.scheme}://{self.parts.host_header}"


class InvalidWatch(TocsinError):
    """The list of peers cannot be used. URLs hold secrets, so it is not told."""

    code: ClassVar[str] = "invalid_watch"
    status_hint: ClassVar[int] = 422


class Peering(NamedTuple):
    """A peer as it was found last, and why it could not be called, if so."""

    name: str
    state: WatchState
    cause: str = ""


def parse_peers(text: str) -> tuple[Peer, ...]:
    """Return the peers whose heartbeats' URLs a text lists, white space between. Raises: InvalidWatch."""
    urls = text.split()
    if len(urls) > MOST_PEERS:
        raise InvalidWatch(f"list at most {MOST_PEERS} URLs", given=len(urls))
    if len(set(urls)) < len(urls):
        raise InvalidWatch("one URL is there twice: keep one", given=len(urls))
    return tuple(_peer(number, url) for number, url in enumerate(urls, start=1))


def _peer(number: int, url: str) -> Peer:
    try:
        return Peer(Secret(url), check_webhook_url(url))
    except InvalidWebhookUrl as refusal:
        raise InvalidWatch(f"URL {number}: {refusal.message}", number=number) from None


def call_head(parts: UrlParts, *, length: int, version: str) -> bytes:
    """Return the request line and the headers of a call, with the empty line. Units: bytes."""
    return (
        f"POST {parts.target} HTTP/1.1\r\n"
        f"Host: {parts.host_header}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {length}\r\n"
        "Accept: */*\r\n"
        f"User-Agent: Tocsin/{version}\r\n"
        "\r\n"
    ).encode("ascii")


def changed(before: Peering, after: Peering) -> bool:
    """Return whether somebody is to be told."""
    was_well = before.state in (WatchState.REACHED, WatchState.NOT_CALLED)
    return before.state is not after.state and not (was_well and after.state is WatchState.REACHED)


WhyNot = Callable[[], Sequence[str]]
"""Returns why this server is not well, a sentence each; none if it is. It may wait, and raise what a store raises."""
