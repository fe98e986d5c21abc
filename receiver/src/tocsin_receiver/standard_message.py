"""What a Standard Webhooks signature binds: the delivery's id, the second, and the body's bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

from tocsin_receiver.errors import MalformedBody, MalformedHeader, MissingSignature
from tocsin_receiver.headers import Headers, find_header
from tocsin_receiver.signed_content import StandardHead

_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,255}")  # visible ASCII; a full stop would be a delimiter
_WHOLE_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")


class StandardMessage(NamedTuple):
    """The parts of what is signed."""

    head: StandardHead
    body: bytes


def read_message(headers: Headers, body: bytes) -> tuple[StandardMessage, str]:
    """Return what was signed, and the header with the signatures.

    Raises: MissingSignature, MalformedHeader, MalformedBody.
    """
    message_id = _required(headers, "webhook-id")
    timestamp = _required(headers, "webhook-timestamp")
    signatures = _required(headers, "webhook-signature")
    return make_message(message_id, timestamp, body), signatures


def make_message(message_id: str, timestamp: str, body: bytes) -> StandardMessage:
    """Return a message of parts that can be signed. Raises: MalformedHeader, MalformedBody."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MalformedHeader("webhook-id is not up to 255 visible characters without a full stop")
    if not _WHOLE_SECONDS.fullmatch(timestamp):
        raise MalformedHeader("webhook-timestamp is not whole Unix seconds")
    if not isinstance(body, bytes):
        raise MalformedBody("give the body as the bytes that arrived, before anything parsed them")
    return StandardMessage(StandardHead(message_id, timestamp), body)


def _required(headers: Headers, name: str) -> str:
    value = find_header(headers, name)
    if not value:
        raise MissingSignature(f"the request has no {name} header; it is not a standard webhook")
    return value
