"""The head of a webhook's request: VictorOps' seven headers in its order and spelling, then ours."""

from collections.abc import Mapping
from typing import Final

from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_url import UrlParts, check_webhook_url

USER_AGENT = "AHC/1.0"
"""What VictorOps' own client says; some receivers look for it."""


def request_head(
    url: UrlParts,
    *,
    signature: str,
    length: int,
    standard: tuple[str, str, str] | None,
    user_agent: str = USER_AGENT,
) -> bytes:
    """Return the request line and the headers, up to and with the empty line.

    `standard` is webhook-id, webhook-timestamp and webhook-signature, or None to leave them out.
    Units: `length` is the body's, in bytes.
    Source: a captured request; the first seven stand as they do there.
    """
    head = (
        f"POST {url.target} HTTP/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-VictorOps-Signature: {signature}\r\n"
        f"Content-Length: {length}\r\n"
        "Connection: keep-alive\r\n"
        f"Host: {url.host_header}\r\n"
        "Accept: */*\r\n"
        f"User-Agent: {user_agent}\r\n"
    )
    if standard is not None:
        id_, timestamp, standard_signature = standard
        head += (
            f"webhook-id: {id_}\r\n"
            f"webhook-timestamp: {timestamp}\r\n"
            f"webhook-signature: {standard_signature}\r\n"
        )
    return (head + "\r\n").encode("ascii")


SIGNATURES: Final = frozenset({"X-VictorOps-Signature", "webhook-signature"})
_LENGTH: Final = "Content-Length"
_ID: Final = "webhook-id"
_TIMESTAMP: Final = "webhook-timestamp"


def empty_head(webhook: Webhook) -> str:
    """Return the head of a webhook's requests without what differs from one to the next."""
    standard = ("", "", "") if webhook.with_standard_signature else None
    url = check_webhook_url(webhook.url)
    return request_head(url, signature="", length=0, standard=standard).decode("ascii")


def fill_head(
    head: str, *, delivery_id: str, length: int, timestamp: int | None
) -> tuple[str, tuple[tuple[str, str | None], ...]]:
    """Return the request line and the headers of one request, made of the webhook's `empty_head`.

    A signature is None, and so is a `timestamp` that is not known. Units: bytes; whole Unix seconds.
    """
    values: Mapping[str, str | None] = {
        _LENGTH: str(length),
        _ID: delivery_id,
        _TIMESTAMP: None if timestamp is None else str(timestamp),
        **dict.fromkeys(SIGNATURES),
    }
    line, *headers = head.removesuffix("\r\n\r\n").split("\r\n")
    pairs = (header.split(": ", 1) for header in headers)
    return line, tuple((name, values.get(name, value)) for name, value in pairs)
