"""Notes: what somebody knows about an incident, or did, in words of their own."""

from typing import ClassVar

from tocsin.domain.alert_fields import storable
from tocsin.errors import TocsinError

LONGEST_NOTE = 10_000  # characters


class InvalidNote(TocsinError):
    """The note is empty, or too long."""

    code: ClassVar[str] = "invalid_note"
    status_hint: ClassVar[int] = 422


def check_note(text: str) -> str:
    """Return a note as it is kept: lines end in one way, and nothing stands around it.

    Raises: InvalidNote.
    """
    noted = storable("\n".join(text.splitlines())).strip()
    if not noted:
        raise InvalidNote("write something: a note says what you know or did")
    if len(noted) > LONGEST_NOTE:
        raise InvalidNote(
            f"a note has at most {LONGEST_NOTE} characters, and this one {len(noted)}: shorten it, or link "
            "to the rest",
            characters=len(noted),
        )
    return noted
