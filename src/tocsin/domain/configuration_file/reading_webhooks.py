"""The part `webhooks`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

from tocsin.domain.auth_code import PendingAuthCode, check_auth_code
from tocsin.domain.client_certificate import (
    ClientCertificate,
    read_ca_bundle,
    read_client_certificate,
    read_client_key,
)
from tocsin.domain.configuration_file.description import DescribedWebhook
from tocsin.domain.configuration_file.place import Place
from tocsin.domain.configuration_file.reading_slugs import check_key, read_was
from tocsin.domain.delivery import LONGEST_RETRY_WAIT, SHORTEST_RETRY_WAIT
from tocsin.domain.duration import parse_duration
from tocsin.domain.follow_up import FollowUp, parse_follow_ups
from tocsin.domain.instant import parse_instant
from tocsin.domain.one_time_link import LinkAction, parse_link_actions
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.routing import RoutingKey
from tocsin.domain.webhook_options import (
    BOUNDS,
    LONGEST_LATENESS,
    SHORTEST_LATENESS,
    InvalidWebhookOptions,
    WebhookOptions,
    check_retry_waits,
    parse_slots,
)
from tocsin.domain.webhook_url import check_webhook_url
from tocsin.errors import TocsinError
from tocsin.secret import Secret

FLAGS: Final = {
    "summary": "with_summary",
    "sender_headers": "with_sender_headers",
    "standard_signature": "with_standard_signature",
    "answer_may_act": "answer_may_act",
}
"""A field of the file, and the option it sets."""
PEM_FIELDS: Final = ("ca_bundle", "client_certificate", "client_key")
"""Fields of PEM text, each of which may stand in a file of its own."""
WHEN_FAILING_FIELDS: Final = ("routing_key",)
FROM_FILE: Final = "_file"
_LENGTHS: Final = tuple(name for name, _least, _most in BOUNDS)
FIELDS: Final = (
    *("name", "url", "auth_code", "pending_auth_code", "promote_at", "enabled", "profile"),
    *FLAGS,
    "links",
    "follow_up",
    *_LENGTHS,
    *("retry_waits", "slots"),
    *("skip_if_late", "when_failing"),
    *PEM_FIELDS,
    *(f"{field}{FROM_FILE}" for field in PEM_FIELDS),
    "was",
)


class InvalidProfile(TocsinError):
    """There is no such payload profile."""

    code = "invalid_profile"
    status_hint = 422


def read_webhook(slug: str, place: Place) -> DescribedWebhook:
    """Return what a webhook's entry says."""
    check_key(slug, place)
    fields = place.fields("a webhook", FIELDS)
    auth_code = _auth_code(fields.get("auth_code"))
    enabled = fields.get("enabled")
    return DescribedWebhook(
        slug=slug,
        name=fields["name"].name(slug) if "name" in fields else slug,
        url=_url(place, fields),
        auth_code=auth_code,
        pending=_pending(fields, auth_code),
        options=_options(place, fields),
        enabled=enabled.flag(otherwise=True) if enabled else None,
        was=read_was(slug, fields),
    )


def _auth_code(place: Place | None) -> Secret | None:
    return place.read(check_auth_code, None) if place else None


def _pending(fields: Mapping[str, Place], auth_code: Secret | None) -> PendingAuthCode | None:
    place, promote_at = fields.get("pending_auth_code"), fields.get("promote_at")
    if place is None:
        if promote_at:
            promote_at.mistake("says when pending_auth_code takes over; write that, too")
        return None
    code = _auth_code(place)
    at = promote_at.read(parse_instant, None) if promote_at else None
    if code is None:
        return None
    if code == auth_code:
        place.mistake("is the same as auth_code; write another one, or leave it out")
    return PendingAuthCode(code, at)


def _url(place: Place, fields: Mapping[str, Place]) -> str:
    if "url" not in fields:
        place.mistake("a webhook needs its url")
        return ""
    return fields["url"].read(_checked_url, "")


def _checked_url(text: str) -> str:
    check_webhook_url(text)
    return text


def _options(place: Place, fields: Mapping[str, Place]) -> WebhookOptions:
    given: dict[str, Any] = {}
    if "profile" in fields:
        given["profile"] = fields["profile"].read(_profile, PayloadProfile.WIRE)
    for name, option in FLAGS.items():
        if name in fields:
            given[option] = fields[name].flag(otherwise=True)
    given |= {name: read(fields[name]) for name, read in _LISTS.items() if name in fields}
    given |= _timing(fields)
    given["ca_bundle"] = _ca_bundle(fields)
    given["client_certificate"] = _client_certificate(fields)
    try:
        return WebhookOptions(**{name: value for name, value in given.items() if value is not None})
    except InvalidWebhookOptions as refusal:
        place.mistake(refusal.message)
        return WebhookOptions()


def _when_failing(place: Place) -> str | None:
    fields = place.fields("when_failing", WHEN_FAILING_FIELDS)
    if "routing_key" not in fields:
        place.mistake(
            "needs the routing_key that gets the alert, such as {routing_key: operations}"
        )
        return None
    return fields["routing_key"].read(lambda text: RoutingKey(text).value, None)


def _texts(place: Place, example: str) -> list[str]:
    items = [] if place.is_null else place.items(example)
    return [text for item in items if (text := item.text()) is not None]


def _timing(fields: Mapping[str, Place]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, least, most in BOUNDS:
        if name in fields:
            given[name] = _length(fields[name], least, most)
    if "retry_waits" in fields:
        given["retry_waits"] = _retry_waits(fields["retry_waits"])
    if "slots" in fields:
        given["slots"] = fields["slots"].read(parse_slots, None)
    if "skip_if_late" in fields:
        length = fields["skip_if_late"]
        given["skip_if_late"] = _length(length, SHORTEST_LATENESS, LONGEST_LATENESS)
    if "when_failing" in fields:
        given["when_failing"] = _when_failing(fields["when_failing"])
    return given


def _links(place: Place) -> tuple[LinkAction, ...]:
    names = _texts(place, "[acknowledge, resolve]")
    return place.attempt(lambda: parse_link_actions(names), ())


def _retry_waits(place: Place) -> tuple[timedelta, ...] | None:
    items = place.items("[2s, 5s, 15s]")
    waits = [_length(item, SHORTEST_RETRY_WAIT, LONGEST_RETRY_WAIT) for item in items]
    read = tuple(wait for wait in waits if wait is not None)
    if len(read) < len(items) or place.is_scalar:
        return None
    return place.attempt(lambda: check_retry_waits(read), None)


def _follow_up(place: Place) -> tuple[FollowUp, ...]:
    names = _texts(place, f"[{', '.join(FollowUp)}]")
    return place.attempt(lambda: parse_follow_ups(names), ())


_LISTS: Final[Mapping[str, Callable[[Place], Any]]] = {"links": _links, "follow_up": _follow_up}


def _ca_bundle(fields: Mapping[str, Place]) -> str | None:
    found = _pem(fields, "ca_bundle")
    return found and found.place.attempt(lambda: read_ca_bundle(found.text), None)


def _client_certificate(fields: Mapping[str, Place]) -> ClientCertificate | None:
    """Return the certificate with its key, if that is given, too; else the one in force belongs to it."""
    found, key = _pem(fields, "client_certificate"), _pem(fields, "client_key")
    if found is None:
        if key:
            key.place.mistake("write the client_certificate that it belongs to, too")
        return None
    client = found.place.attempt(lambda: read_client_certificate(found.text), None)
    if client is None or key is None:
        return client
    return replace(client, key=key.place.attempt(lambda: read_client_key(key.text), None))


class _Pem(NamedTuple):
    place: Place
    text: str


def _pem(fields: Mapping[str, Place], name: str) -> _Pem | None:
    """Return the text of a field, or of the file that it names, and where that is written."""
    here, elsewhere = fields.get(name), fields.get(f"{name}{FROM_FILE}")
    if here and elsewhere:
        elsewhere.mistake(f"there is {name}, too; keep one")
    if here:
        text, place = here.text(), here
    elif elsewhere:
        text, place = elsewhere.read(elsewhere.findings.read_file, None), elsewhere
    else:
        return None
    return None if text is None else _Pem(place, text)


def _length(place: Place, least: timedelta, most: timedelta) -> timedelta | None:
    return place.read(lambda text: parse_duration(text, at_least=least, at_most=most), None)


def _profile(text: str) -> PayloadProfile:
    if text not in tuple(PayloadProfile):
        raise InvalidProfile(f"write {' or '.join(PayloadProfile)}", given=text[:40])
    return PayloadProfile(text)
