"""Names for people: of teams, policies and webhooks."""

from typing import ClassVar, Final

from tocsin.errors import TocsinError

LONGEST_NAME: Final = 200


class InvalidName(TocsinError):
    """The text cannot stand in one line of a list."""

    code: ClassVar[str] = "invalid_name"
    status_hint: ClassVar[int] = 422


def check_name(text: str) -> str:
    """Return the name, as it is. Raises: InvalidName."""
    if not text.isprintable() or not text.strip() or len(text) > LONGEST_NAME:
        raise InvalidName(f"write one line of 1 to {LONGEST_NAME} printable characters")
    return text
