"""How a request's body is read: counted while it comes, so that nobody fills the memory."""

from typing import ClassVar

from starlette.types import Receive

from tocsin.errors import TocsinError


class BodyTooLarge(TocsinError):
    """The body has more bytes than this path takes; the rest of it was not read."""

    code: ClassVar[str] = "body_too_large"
    status_hint: ClassVar[int] = 413


class SenderGone(Exception):
    """The connection ended before the body did: there is nobody to answer."""


async def read_body(receive: Receive, *, at_most: int) -> bytes:
    """Return the whole body. Units: bytes. Raises: BodyTooLarge, SenderGone."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _checked(message.get("body", b""), at_most=at_most)
    parts = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > at_most:
            raise _too_large(at_most)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise SenderGone


def _checked(body: bytes, *, at_most: int) -> bytes:
    if len(body) > at_most:
        raise _too_large(at_most)
    return body


def _too_large(at_most: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is too large: send at most {at_most} bytes", at_most=at_most)
