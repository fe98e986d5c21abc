"""Deliveries as people see them: a list, or one with every attempt and the request as it was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tocsin.actions.named_steps import NamedStep, Names
from tocsin.domain.configuration import Configuration
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.one_time_link import masked_links
from tocsin.domain.request import request_head
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_url import check_webhook_url
from tocsin.errors import TocsinError
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import (
    Attempt,
    Delivery,
    find_delivery,
    get_body,
    list_attempts,
    list_deliveries,
)
from tocsin_receiver.fields import decode_form

_MADE_AT_EACH_ATTEMPT: Final = frozenset(
    {"X-VictorOps-Signature", "webhook-timestamp", "webhook-signature"}
)
_SHOWS_THE_URL: Final = frozenset({"Host"})


class DeliveryNotFound(TocsinError):
    """No delivery has this id."""

    code: ClassVar[str] = "delivery_not_found"
    status_hint: ClassVar[int] = 404

    def __init__(self, *, delivery: str) -> None:
        super().__init__(
            f"there is no delivery {delivery}: list deliveries to see their ids", delivery=delivery
        )


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery with the names of what it belongs to, and its attempts, the open one included."""

    delivery: Delivery
    webhook: str
    step: NamedStep | None
    """The step that made it; None for a test."""
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What the webhook is sent, to the byte, but for what is made anew at each attempt.

    `headers` has None for a signature, and for the URL's parts when the URL may not be shown. The URL
    is the one configured now; there is none, and no header, once the webhook was deleted.
    """

    url: str | None
    request_line: str | None
    headers: tuple[tuple[str, str | None], ...]
    body: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ShownDelivery:
    """One delivery, with all that is known of it."""

    line: DeliveryLine
    request: ShownRequest


def show_deliveries(
    tx: Tx,
    *,
    webhook: str | None = None,
    state: DeliveryState | None = None,
    incident: int | None = None,
    before: int | None = None,
    limit: int,
) -> list[DeliveryLine]:
    """Return deliveries, the latest first, below the id `before`. `webhook` is a slug."""
    deliveries = list_deliveries(
        tx,
        webhook_ids=None if webhook is None else Names(tx).webhook_ids(webhook),
        state=state,
        incident=incident,
        before=before,
        limit=limit,
    )
    return describe_deliveries(tx, deliveries)


def show_delivery(
    tx: Tx, configuration: Configuration, delivery_id: int, *, with_url: bool
) -> ShownDelivery:
    """Return one delivery. `with_url` is for administrators. Raises: DeliveryNotFound."""
    delivery = find_delivery(tx, delivery_id)
    if delivery is None:
        raise DeliveryNotFound(delivery=id_text(DELIVERY, delivery_id))
    webhook = configuration.webhooks.get(delivery.webhook_id)
    body = get_body(tx, delivery.body_id)
    return ShownDelivery(
        line=describe_deliveries(tx, [delivery])[0],
        request=_request(delivery, webhook, body, with_url=with_url),
    )


def describe_deliveries(
    tx: Tx, deliveries: Sequence[Delivery], names: Names | None = None
) -> list[DeliveryLine]:
    """Return deliveries with their names and attempts."""
    attempts = list_attempts(tx, deliveries)
    known = names or Names(tx, incidents=[delivery.incident for delivery in deliveries])
    return [
        DeliveryLine(
            delivery=delivery,
            webhook=known.webhook(delivery.webhook_id),
            step=known.step_of_delivery(delivery),
            attempts=tuple(attempts[delivery.id]),
        )
        for delivery in deliveries
    ]


def _request(
    delivery: Delivery, webhook: Webhook | None, body: bytes, *, with_url: bool
) -> ShownRequest:
    line, headers = _head(delivery, webhook, len(body)) if webhook else (None, [])
    if not with_url:
        line = None
        headers = [(name, None if name in _SHOWS_THE_URL else value) for name, value in headers]
    return ShownRequest(
        url=webhook.url if webhook and with_url else None,
        request_line=line,
        headers=tuple(headers),
        body=masked_links(body.decode("ascii")),
        fields=tuple((name, masked_links(value)) for name, value in decode_form(body).items()),
    )


def _head(
    delivery: Delivery, webhook: Webhook, length: int
) -> tuple[str, list[tuple[str, str | None]]]:
    """Return the request line and the headers, made by what makes them for sending."""
    standard = (id_text(DELIVERY, delivery.id), "", "") if webhook.with_standard_signature else None
    url = check_webhook_url(webhook.url)
    head = request_head(url, signature="", length=length, standard=standard).decode("ascii")
    line, *rest = head.rstrip("\r\n").split("\r\n")
    pairs = (header.split(": ", 1) for header in rest)
    return line, [(name, None if name in _MADE_AT_EACH_ATTEMPT else value) for name, value in pairs]
