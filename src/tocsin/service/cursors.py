"""Where a list goes on: an opaque text that names the last item seen, so that inserts move nothing."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeVar

from tocsin.errors import TocsinError

T = TypeVar("T")
MOST_ITEMS: Final = 200
ITEMS: Final = 50
LONGEST_CURSOR: Final = 128
_GREATEST: Final = 2**63 - 1


class InvalidCursor(TocsinError):
    """The text is no cursor that a list of this API gave."""

    code: ClassVar[str] = "invalid_cursor"
    status_hint: ClassVar[int] = 422


def write_cursor(*position: int) -> str:
    """Return the cursor that goes on after the item at `position`."""
    plain = f"v1:{','.join(map(str, position))}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> int | None:
    """Return the position that a cursor names; None for None. Raises: InvalidCursor."""
    return None if text is None else read_position(text, parts=1)[0]


def read_position(text: str, *, parts: int) -> tuple[int, ...]:
    """Return a position of several numbers. Raises: InvalidCursor."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, _, numbers = plain.decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        raise _invalid() from None
    digits = numbers.split(",")
    if version != "v1" or len(digits) != parts or not all(map(_is_number, digits)):
        raise _invalid()
    return tuple(map(int, digits))


def _is_number(digits: str) -> bool:
    return digits.isdecimal() and len(digits) <= 19 and int(digits) <= _GREATEST


def split_page(
    items: Sequence[T], limit: int, position: Callable[[T], int]
) -> tuple[Sequence[T], str | None]:
    """Return at most `limit` items and the cursor to the rest; one item more tells that there is one."""
    if len(items) <= limit:
        return items, None
    page = items[:limit]
    return page, write_cursor(position(page[-1]))


def _invalid() -> InvalidCursor:
    return InvalidCursor("Use a next_cursor as it was given, or leave the cursor out to begin anew")
