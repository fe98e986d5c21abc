"""What a receiver verifies requests with, in several languages, for one webhook's exact URL."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "snippets"
_PLACE: Final = "@URL@"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program's part that verifies; `name` is its file's here."""

    name: str
    language: str
    text: str


def snippets_for(url: str) -> tuple[Snippet, ...]:
    """Return every snippet, with this URL as a literal of its language, character by character."""
    return tuple(
        Snippet(name, language, _template(name).replace(_PLACE, quote(url)))
        for name, language, quote in _LANGUAGES
    )


def _in_double_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _in_single_quotes(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@cache
def _template(name: str) -> str:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")


_Quote = Callable[[str], str]
_LANGUAGES: Final[tuple[tuple[str, str, _Quote], ...]] = (
    ("python-library", "Python, with tocsin-receiver", _in_double_quotes),
    ("python", "Python, nothing to install", _in_double_quotes),
    ("node", "Node.js", _in_double_quotes),
    ("go", "Go", _in_double_quotes),
    ("ruby", "Ruby", _in_single_quotes),
    ("php", "PHP", _in_single_quotes),
    ("java", "Java", _in_double_quotes),
    ("shell", "Shell and openssl", shlex.quote),
)
