"""Where a request's header is, in whatever shape a framework keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Union

from tocsin_receiver.errors import MalformedHeader


class HasItems(Protocol):
    """Headers as most frameworks keep them; also `email.message.Message`."""

    def items(self) -> Iterable[tuple[str, str]]: ...


Headers = Union[HasItems, Iterable[tuple[str, str]], Iterable[tuple[bytes, bytes]]]


def find_header(headers: Headers, name: str) -> str | None:
    """Return the value of header `name` (given in lower case), in any case, or None.

    Takes a mapping, pairs, or the pairs of bytes of ASGI.
    Raises: MalformedHeader, if it occurs twice or `headers` are not headers.
    """
    try:
        items = headers.items() if hasattr(headers, "items") else headers
        values = [_text(value) for key, value in items if _text(key).lower() == name]
    except (AttributeError, TypeError, ValueError) as error:
        raise MalformedHeader("the headers are neither a mapping nor pairs of text") from error
    if len(values) > 1:
        raise MalformedHeader(f"the header {name} occurs {len(values)} times; send it once")
    return values[0] if values else None


def _text(part: str | bytes) -> str:
    if isinstance(part, str):
        return part
    return bytes.decode(part, "latin-1")  # a TypeError for what is neither
