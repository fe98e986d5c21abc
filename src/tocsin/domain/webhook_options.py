"""How a webhook is called: everything about one that has a default, with its bounds."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final

from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.delivery import (
    DEADLINE,
    LONGEST_DEADLINE,
    LONGEST_RETRY_WAIT,
    MOST_RETRY_WAITS,
    RETRY_WAITS,
    SHORTEST_DEADLINE,
    SHORTEST_RETRY_WAIT,
)
from tocsin.domain.duration import format_duration
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.one_time_link import LinkAction
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.webhook import CONNECT_TIMEOUT, TOTAL_TIMEOUT, Webhook
from tocsin.errors import TocsinError

_SECOND: Final = timedelta(seconds=1)
SHORTEST_TIMEOUT: Final = _SECOND
LONGEST_TIMEOUT: Final = timedelta(seconds=60)
MOST_SLOTS: Final = 64
SHORTEST_LATENESS: Final = _SECOND
LONGEST_LATENESS: Final = timedelta(hours=24)


class InvalidWebhookOptions(TocsinError):
    """A webhook's option is out of its bounds; `field` names it."""

    code: ClassVar[str] = "invalid_webhook_options"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Raises: InvalidWebhookOptions. For what each means see `tocsin.domain.webhook.Webhook`."""

    profile: PayloadProfile = PayloadProfile.WIRE
    with_summary: bool = True
    with_sender_headers: bool = False
    with_standard_signature: bool = True
    answer_may_act: bool = False
    links: tuple[LinkAction, ...] = ()
    follow_up: tuple[FollowUp, ...] = ()
    connect_timeout: timedelta = CONNECT_TIMEOUT
    total_timeout: timedelta = TOTAL_TIMEOUT
    deadline: timedelta = DEADLINE
    retry_waits: tuple[timedelta, ...] = RETRY_WAITS
    slots: int | None = None
    skip_if_late: timedelta | None = None
    when_failing: str | None = None
    ca_bundle: str | None = None
    client_certificate: ClientCertificate | None = None

    def __post_init__(self) -> None:
        for field, least, most in BOUNDS:
            _check(field, getattr(self, field), least, most)
        check_retry_waits(self.retry_waits)
        if self.slots is not None:
            check_slots(self.slots)
        if self.skip_if_late is not None:
            _check("skip_if_late", self.skip_if_late, SHORTEST_LATENESS, LONGEST_LATENESS)
        if self.connect_timeout > self.total_timeout:
            raise InvalidWebhookOptions(
                f"connect_timeout ({format_duration(self.connect_timeout)}) is part of "
                f"total_timeout ({format_duration(self.total_timeout)}) and cannot be longer",
                field="connect_timeout",
            )


BOUNDS: Final = (
    ("connect_timeout", SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
    ("total_timeout", SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
    ("deadline", SHORTEST_DEADLINE, LONGEST_DEADLINE),
)
"""The option, and the least and the most that it takes."""


def _check(field: str, length: timedelta, least: timedelta, most: timedelta) -> None:
    if not least <= length <= most or length % _SECOND:
        raise InvalidWebhookOptions(
            f"{field} takes whole seconds from {format_duration(least)} to {format_duration(most)}",
            field=field,
        )


def check_slots(slots: int) -> int:
    """Return the number. Raises: InvalidWebhookOptions."""
    if not 1 <= slots <= MOST_SLOTS:
        raise InvalidWebhookOptions(
            f"slots takes 1 to {MOST_SLOTS}: how many attempts may be under way at once",
            field="slots",
        )
    return slots


def parse_slots(text: str) -> int:
    """Return the number that `text` writes. Raises: InvalidWebhookOptions."""
    return check_slots(int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0)


def check_retry_waits(waits: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    """Return the waits. Raises: InvalidWebhookOptions."""
    if not 1 <= len(waits) <= MOST_RETRY_WAITS:
        raise InvalidWebhookOptions(
            f"retry_waits takes 1 to {MOST_RETRY_WAITS} lengths of time, such as [2s, 5s, 15s]; the last "
            "one repeats until the deadline",
            field="retry_waits",
        )
    for wait in waits:
        _check("retry_waits", wait, SHORTEST_RETRY_WAIT, LONGEST_RETRY_WAIT)
    return waits


def options_of(webhook: Webhook) -> WebhookOptions:
    """Return how a webhook is called."""
    return WebhookOptions(**{name: getattr(webhook, name) for name in WebhookOptions.__slots__})


def with_options(webhook: Webhook, options: WebhookOptions) -> Webhook:
    """Return the webhook, called in another way."""
    return replace(webhook, **{name: getattr(options, name) for name in WebhookOptions.__slots__})
