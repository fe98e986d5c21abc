"""Text on a terminal: colours where they help, and nothing that an alert could smuggle in."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Colour(StrEnum):
    """What a colour says; the value is the code of ECMA-48 (SGR)."""

    BAD = "31"
    WAITING = "33"
    GOOD = "32"
    FAINT = "2"
    STRONG = "1"


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a colour."""

    text: str
    colour: Colour | None = None


_OF_WORDS: Final[Mapping[str, Colour]] = {
    "triggered": Colour.BAD,
    "failed": Colour.BAD,
    "failing": Colour.BAD,
    "silent": Colour.BAD,
    "never called": Colour.WAITING,
    "late": Colour.WAITING,
    "refused": Colour.BAD,
    "acknowledged": Colour.WAITING,
    "pending": Colour.WAITING,
    "sending": Colour.WAITING,
    "paused": Colour.WAITING,
    "resolved": Colour.GOOD,
    "delivered": Colour.GOOD,
    "on time": Colour.GOOD,
    "cancelled": Colour.FAINT,
    "revoked": Colour.FAINT,
    "disabled": Colour.FAINT,
}


def word(text: str) -> Cell:
    """Return a status, a state or an outcome in its colour."""
    return Cell(text, _OF_WORDS.get(text))


def plain(text: str) -> str:
    r"""Return the text with everything that could steer a terminal made visible, as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


@dataclass(frozen=True, slots=True)
class Painter:
    """Colours texts, or leaves them as they are."""

    is_on: bool

    def paint(self, text: str | Cell) -> str:
        cell = Cell(text) if isinstance(text, str) else text
        shown = plain(cell.text)
        if not self.is_on or cell.colour is None:
            return shown
        return f"\x1b[{cell.colour}m{shown}\x1b[0m"
