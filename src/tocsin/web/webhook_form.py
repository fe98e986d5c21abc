"""The form of a webhook: what is filled in, what was sent, and what is wrong with each part of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from tocsin.actions.webhook_certificates import GivenCertificates
from tocsin.domain.delivery import LONGEST_DEADLINE, SHORTEST_DEADLINE
from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.one_time_link import LinkAction
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.routing import RoutingKey
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_options import (
    LONGEST_LATENESS,
    LONGEST_TIMEOUT,
    SHORTEST_LATENESS,
    SHORTEST_TIMEOUT,
    WebhookOptions,
    check_retry_waits,
    options_of,
    parse_slots,
)
from tocsin.errors import TocsinError

_LINK: Final = "link_"
_FOLLOW_UP: Final = "follow_up_"
_TICKS: Final = {
    "summary": "with_summary",
    "sender_headers": "with_sender_headers",
    "standard_signature": "with_standard_signature",
    "answer_may_act": "answer_may_act",
}
"""Boxes, by the name of their option here and in code."""


def _within(shortest: timedelta, longest: timedelta) -> Callable[[str], timedelta]:
    return lambda text: parse_duration(text, at_least=shortest, at_most=longest)


def _waits(text: str) -> tuple[timedelta, ...]:
    return check_retry_waits(tuple(parse_duration(each) for each in text.split()))


_TEXTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "connect_timeout": _within(SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
    "total_timeout": _within(SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
    "deadline": _within(SHORTEST_DEADLINE, LONGEST_DEADLINE),
    "retry_waits": _waits,
}
_TEXTS_OR_NOTHING: Final[Mapping[str, Callable[[str], Any]]] = {
    "slots": parse_slots,
    "skip_if_late": _within(SHORTEST_LATENESS, LONGEST_LATENESS),
    "when_failing": lambda text: RoutingKey(text).value,
}


@dataclass(frozen=True, slots=True)
class WebhookForm:
    """The fields as they stand in the form, and by field what is wrong."""

    values: Mapping[str, str]
    """By the name of the field; a box that is ticked is there, with any text."""
    options: WebhookOptions
    """What they say, as far as it could be read."""
    wrong: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def shown_values(self) -> dict[str, str]:
        """Those that the form of a webhook shows, as far as they are filled in as it fills them."""
        unshown = ("csrf", "seen", "client_key", "enabled", "auth_code")
        return {name: text for name, text in self.values.items() if name not in unshown}

    @property
    def certificates(self) -> GivenCertificates:
        """What was given as PEM text. The key stays what it was unless one is given."""
        return GivenCertificates(
            ca_bundle=self.text("ca_bundle").strip(),
            client_certificate=self.text("client_certificate").strip(),
            client_key=self.text("client_key").strip() or None,
        )


def empty_form() -> WebhookForm:
    """Return the form of a new webhook: everything as it is unless somebody says otherwise."""
    options = WebhookOptions()
    return WebhookForm({"enabled": "yes", **dict(_filled(options))}, options)


def filled_form(webhook: Webhook) -> WebhookForm:
    """Return the form of a webhook as it is."""
    client = webhook.client_certificate
    values = {
        "name": webhook.name,
        "slug": webhook.slug,
        "url": webhook.url,
        "ca_bundle": webhook.ca_bundle or "",
        "client_certificate": client.chain if client else "",
        **dict(_filled(options_of(webhook))),
    }
    return WebhookForm(values, options_of(webhook))


def sent_form(values: Mapping[str, str], known: WebhookOptions) -> WebhookForm:
    """Return what was sent, over what a webhook has. What cannot be read stays as it was, and is wrong."""
    read, wrong = dict[str, Any](), dict[str, str]()
    for name, parse in {**_TEXTS, **_TEXTS_OR_NOTHING}.items():
        text = values.get(name, "").strip()
        if not text and name in _TEXTS_OR_NOTHING:
            read[name] = None
            continue
        try:
            read[name] = parse(text)
        except TocsinError as refusal:
            wrong[name] = f"{refusal.message}."
    for name, option in _TICKS.items():
        read[option] = name in values
    read["links"] = tuple(each for each in LinkAction if f"{_LINK}{each}" in values)
    read["follow_up"] = tuple(each for each in FollowUp if f"{_FOLLOW_UP}{each}" in values)
    if values.get("profile") in set(PayloadProfile):
        read["profile"] = PayloadProfile(values["profile"])
    try:
        return WebhookForm(values, replace(known, **read), wrong)
    except TocsinError as refusal:  # such as a connection that may take longer than all of it
        place = str(refusal.fields.get("field", "name"))
        return WebhookForm(values, known, {**wrong, place: f"{refusal.message}."})


def _filled(options: WebhookOptions) -> Iterator[tuple[str, str]]:
    yield "profile", options.profile.value
    for name, option in _TICKS.items():
        if getattr(options, option):
            yield name, "yes"
    yield from ((f"{_LINK}{each}", "yes") for each in options.links)
    yield from ((f"{_FOLLOW_UP}{each}", "yes") for each in options.follow_up)
    for name in ("connect_timeout", "total_timeout", "deadline"):
        yield name, format_duration(getattr(options, name))
    yield "retry_waits", waits_text(options.retry_waits)
    yield "slots", "" if options.slots is None else str(options.slots)
    late = options.skip_if_late
    yield "skip_if_late", "" if late is None else format_duration(late)
    yield "when_failing", options.when_failing or ""


def waits_text(waits: Sequence[timedelta]) -> str:
    """Return lengths of time as the form has them, spaces between."""
    return " ".join(format_duration(each) for each in waits)
