"""Requests that stored no alert, as they may be kept: nothing secret in them, and those alike as one."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from tocsin.domain.alert import AlertRefused
from tocsin.domain.alert_fields import LONGEST_FIELD, cut, storable
from tocsin.domain.alert_key import LONGEST_KEY, SHORTEST_KEY, is_alert_key, masked
from tocsin.domain.masking import Masking
from tocsin.domain.wording import instant_text
from tocsin.secret import Secret

LONGEST_EXCERPT: Final = 500
# What is likely a secret, by the name that stands before it, whatever the quotes around them.
_NAMED_SECRET: Final = re.compile(
    r"""(?ix) ( ["']? [\w.-]* (?:api_?key|auth|password|passwd|secret|token) [\w.-]* ["']? \s* [:=] \s* )
        (?: "(?:[^"\\]|\\.)*"? | '[^']*'? | [^\s,;&}]+ )"""
)
_MASK: Final = '"***"'


class BadKey(StrEnum):
    """Why nobody was let in by a key: the codes of refusals without one. Public, and never change.

    The sender hears none of them.
    """

    UNKNOWN = "unknown_key"
    REVOKED = "revoked_key"
    MALFORMED = "malformed_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was refused, or several that are alike, the first and the latest of them.

    `revoked_key` is the name of the key that was shown, when it was in force once.
    """

    code: str
    reason: str
    masked_key: str
    routing_key: str
    excerpt: str = ""
    revoked_key: str | None = None
    first_at: datetime
    last_at: datetime
    count: int = 1

    @property
    def is_anonymous(self) -> bool:
        """Whether it came without a key in force: anybody may send it, as often as they like."""
        return self.code in _BAD_KEYS

    @property
    def likeness(self) -> tuple[str | None, ...]:
        """What two refusals have in common that are told as one."""
        return (
            *(self.code, self.reason, self.masked_key, self.routing_key),
            *(self.excerpt, self.revoked_key),
        )

    def followed_by(self, later: "Refusal") -> "Refusal":
        """Return the two, which are alike, as one."""
        return replace(self, last_at=later.last_at, count=self.count + later.count)

    def as_one_of_many(self) -> "Refusal":
        """Return it without what tells it from others of its kind, because there are too many."""
        text = "More keys and routing keys came than are told apart; these were counted together"
        return replace(
            self,
            code=BadKey.UNKNOWN.value,
            reason=text,
            masked_key=_NO_KEY,
            routing_key="",
            revoked_key=None,
        )


_BAD_KEYS: Final = frozenset(each.value for each in BadKey)
_NO_KEY: Final = masked(Secret(""))


def refuse_alert(
    error: AlertRefused,
    *,
    body: bytes,
    key: Secret,
    routing_key: str,
    now: datetime,
    mask: Masking,
) -> Refusal:
    """Return what may be kept of a request whose key was good."""
    return Refusal(
        code=error.code,
        reason=error.message,
        masked_key=masked(key),
        routing_key=_shown(routing_key, mask),
        excerpt=excerpt(body, key, mask),
        first_at=now,
        last_at=now,
    )


def refuse_key(
    key: Secret, *, routing_key: str, revoked_key: str | None, now: datetime, mask: Masking
) -> Refusal:
    """Return what may be kept of a request whose key lets nobody in. Its body was not read."""
    if revoked_key is not None:
        code = BadKey.REVOKED
        reason = f"The key {revoked_key!r} was revoked; give its sender another one"
    elif is_alert_key(key):
        code = BadKey.UNKNOWN
        reason = "No alert key is this one: it is misspelt, or of another server"
    else:
        code = BadKey.MALFORMED
        reason = (
            f"What stands for the key is none: one has {SHORTEST_KEY} to {LONGEST_KEY} letters, "
            "digits, '-', '.', '_' and '~'"
        )
    return Refusal(
        code=code.value,
        reason=reason,
        masked_key=masked(key),
        routing_key=_shown(routing_key, mask),
        revoked_key=revoked_key,
        first_at=now,
        last_at=now,
    )


def _shown(routing_key: str, mask: Masking) -> str:
    # Whatever its length, looking at it costs no more than a field may be long.
    return cut(mask(storable(routing_key[: 2 * LONGEST_FIELD])), LONGEST_FIELD)


def unread_text(refusal: Refusal) -> str:
    """Return what a refusal without a good key may mean to whoever misses an alert."""
    where = (
        f"under routing key {refusal.routing_key!r}"
        if refusal.routing_key
        else "without a routing key"
    )
    if refusal.count == 1:
        return (
            f"A request {where} was refused unread, and may have been about it: {refusal.reason}."
        )
    since = instant_text(refusal.first_at)
    return (
        f"{refusal.count} requests {where} were refused unread since {since}, and may have been "
        f"about it: {refusal.reason}."
    )


def excerpt(body: bytes, key: Secret, mask: Masking) -> str:
    """Return the beginning of a body, secrets and what is named like one masked.

    Units: at most 500 characters.
    """
    # Masked before it is cut, with room for a whole key, so that no half of one is left.
    room = LONGEST_EXCERPT + LONGEST_KEY
    text = storable(body[: room * 4].decode("utf-8", "replace"))[:room]
    text = mask(text.replace(key.reveal(), masked(key)))
    return _NAMED_SECRET.sub(rf"\g<1>{_MASK}", text)[:LONGEST_EXCERPT]
