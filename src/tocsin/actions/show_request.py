"""The request of an attempt, to the byte, made again of what is on record: the webhook's head of then, the body."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tocsin.domain.configuration import Configuration
from tocsin.domain.one_time_link import masked_links
from tocsin.domain.outcome import Outcome
from tocsin.domain.request import empty_head, fill_head
from tocsin.domain.request_source import RequestSource
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Attempt, Delivery, get_body
from tocsin.store.request_heads import RequestHead, find_request_head
from tocsin.vault import Vault
from tocsin_receiver.fields import decode_form

MASK: Final = "***"
_SHOWS_THE_URL: Final = frozenset({"Host"})
_MADE_NO_REQUEST: Final = frozenset({Outcome.WITHDRAWN, Outcome.UNSENDABLE})


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What an attempt sent, or the next one would send, to the byte; `source` says which.

    A header is None where it holds a signature, or what only the attempt itself makes, and, like `url`
    and the request line, where the URL may not be shown or was forgotten.
    """

    source: RequestSource
    url: str | None
    request_line: str | None
    headers: tuple[tuple[str, str | None], ...]
    body: str
    fields: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """All of it as it goes over the wire, with what is None masked; only the body if no more is known."""
        if self.request_line is None:
            return self.body
        lines = [self.request_line, *(f"{name}: {value or MASK}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", self.body])


def show_request(
    tx: Tx,
    configuration: Configuration,
    delivery: Delivery,
    attempt: Attempt | None,
    *,
    vault: Vault,
    with_url: bool,
) -> ShownRequest:
    """Return the request of an attempt, or without one that of the next. `with_url` is for administrators."""
    body = get_body(tx, delivery.body_id)
    source, head = _head(tx, configuration, delivery, attempt, vault)
    line: str | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    if head is not None:
        line, headers = fill_head(
            head.head,
            delivery_id=id_text(DELIVERY, delivery.id),
            length=len(body),
            timestamp=_timestamp(attempt) if attempt else None,
        )
    if not with_url:
        line = None
        headers = tuple(
            (name, None if name in _SHOWS_THE_URL else value) for name, value in headers
        )
    return ShownRequest(
        source=source,
        url=head.url if head and with_url else None,
        request_line=line,
        headers=headers,
        body=masked_links(body.decode("ascii")),
        fields=tuple((name, masked_links(value)) for name, value in decode_form(body).items()),
    )


def _head(
    tx: Tx,
    configuration: Configuration,
    delivery: Delivery,
    attempt: Attempt | None,
    vault: Vault,
) -> tuple[RequestSource, RequestHead | None]:
    if attempt is not None and attempt.head_id is not None:
        head = find_request_head(tx, attempt.head_id, vault)
        if head is None:
            return RequestSource.FORGOTTEN, None
        has_left = attempt.first_byte_at is not None
        return (RequestSource.SENT if has_left else RequestSource.NOT_SENT), head
    webhook = configuration.webhooks.get(delivery.webhook_id)
    if webhook is None:
        return RequestSource.FORGOTTEN, None
    made_none = attempt is None or attempt.outcome in _MADE_NO_REQUEST
    source = RequestSource.NOT_MADE if made_none else RequestSource.NOT_KNOWN
    return source, RequestHead(webhook.url, empty_head(webhook))


def _timestamp(attempt: Attempt) -> int | None:
    """Return the whole second in which a request was signed, which the end and the length tell; if known."""
    microseconds = (attempt.detail or {}).get("us")
    if attempt.head_id is None or attempt.ended_at is None or not microseconds:
        return None
    return int((attempt.ended_at - timedelta(microseconds=microseconds[-1])).timestamp())
