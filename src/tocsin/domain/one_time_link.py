"""One-time links: what a token says, and why one does nothing.

A token is base64url of delivery (8 bytes), action (1), expiry (8, seconds since 1970), and the first 16
bytes of an HMAC-SHA256 over those. It holds no secret but itself: whoever has it may act once.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from tocsin.domain.incident import Action
from tocsin.errors import TocsinError

LINK_PATH: Final = "/l/"
VALID_FOR: Final = timedelta(hours=24)
_SAID: Final = 17  # bytes
_MAC: Final = 16
TOKEN_CHARACTERS: Final = 44
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{44}")
# As URLs, JSON, HTML and forms write it; perhaps cut short by the text's end.
_SLASH: Final = r"(?:\\?/|%(?:25)*2[Ff]|&#(?:0*47|[Xx]0*2[Ff]);)"
_IN_TEXT: Final = re.compile(
    rf"({_SLASH}[lL]{_SLASH}[A-Za-z0-9_-]{{4}})(?:[A-Za-z0-9_-]{{40}}|[A-Za-z0-9_-]{{8,39}}\Z)"
)

_IN_FORM: Final = re.compile(rb"%2Fl%2F([A-Za-z0-9_-]{44})")


class LinkAction(StrEnum):
    """What following a link does. The values are public and never change."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"

    @property
    def field(self) -> str:
        """What the URL is called in the body of a page."""
        return _FIELDS[self]

    @property
    def action(self) -> Action:
        return Action(self.value)


_FIELDS: Final = {LinkAction.ACKNOWLEDGE: "ack_url", LinkAction.RESOLVE: "resolve_url"}
_CODES: Final = {LinkAction.ACKNOWLEDGE: 1, LinkAction.RESOLVE: 2}
_ACTIONS: Final = {code: action for action, code in _CODES.items()}


class LinkState(StrEnum):
    """What may be done with a link, or what has been."""

    OPEN = "open"
    DONE = "done"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    STALE = "stale_escalation"


class LinksWithoutPublicUrl(TocsinError):
    """Links lead to this server, and it does not know where others reach it."""

    code: ClassVar[str] = "links_without_public_url"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__(
            "links lead to this server, which does not know how receivers' people reach it: set "
            "TOCSIN_PUBLIC_URL, restart, and save this again",
            field="links",
        )


class InvalidLinks(TocsinError):
    """There is no link for this action."""

    code: ClassVar[str] = "invalid_links"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class LinkClaim:
    """What a token says whose signature is right."""

    delivery_id: int
    action: LinkAction
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links and reads them. `keys`: the first signs, all of them verify."""

    public_url: str
    keys: tuple[bytes, ...]

    def urls(
        self, delivery_id: int, actions: Iterable[LinkAction], *, now: datetime
    ) -> dict[str, str]:
        """Return the fields that a page gets. Units: `now` is aware UTC."""
        expires_at = int((now + VALID_FOR).timestamp())
        return {
            action.field: f"{self.public_url}{LINK_PATH}{self._token(delivery_id, action, expires_at)}"
            for action in actions
        }

    def _token(self, delivery_id: int, action: LinkAction, expires_at: int) -> str:
        said = delivery_id.to_bytes(8) + bytes([_CODES[action]]) + expires_at.to_bytes(8)
        return base64.urlsafe_b64encode(said + _mac(self.keys[0], said)).decode()


def read_token(token: str, keys: Iterable[bytes]) -> LinkClaim | None:
    """Return what a token says; None: none of the keys made it. Every wrong one takes as long."""
    raw = _raw(token)
    said, mac = raw[:_SAID], raw[_SAID:]
    is_ours = False
    for key in keys:
        is_ours |= hmac.compare_digest(_mac(key, said), mac)
    action = _ACTIONS.get(said[8])
    if not is_ours or action is None:
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(said[9:]), UTC)
    return LinkClaim(int.from_bytes(said[:8]), action, expires_at)


def _raw(token: str) -> bytes:
    """Return a token's bytes; of what is none, as many of something else."""
    if _TOKEN.fullmatch(token):
        try:
            return base64.urlsafe_b64decode(token)
        except binascii.Error:
            pass
    return bytes(_SAID + _MAC)


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, hashlib.sha256)[:_MAC]


def masked_links(text: str) -> str:
    """Return a text without the tokens in it: whoever has one may act."""
    return _IN_TEXT.sub(r"\1...", text)


def tokens_in(form: bytes) -> list[str]:
    """Return the tokens of the links in the body of a page."""
    return [found.decode() for found in _IN_FORM.findall(form)]


def parse_link_actions(names: Iterable[str]) -> tuple[LinkAction, ...]:
    """Return the actions, each once, in one order. Raises: InvalidLinks."""
    given = set(names)
    known: Mapping[str, LinkAction] = {action.value: action for action in LinkAction}
    if unknown := sorted(given - known.keys()):
        raise InvalidLinks(f"links are for {' and '.join(known)}", given=unknown[0][:40])
    return tuple(action for name, action in known.items() if name in given)
