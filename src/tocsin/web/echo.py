"""How much of what somebody has sent a page repeats: a form of 900 KB must not be answered by 900 KB."""

from contextvars import ContextVar
from typing import Any, Final

LONGEST_ECHO: Final = 25_000
"""Characters of one text; more than any field of ours takes, but for certificates and captured requests."""
MOST_ECHO: Final = 100_000
"""Characters of all long texts of a page."""
_SHORT: Final = 200
"""A text as short as this is always shown; there are only so many of them."""
_left: ContextVar[int] = ContextVar("left", default=0)


def is_much(fields: list[tuple[str, str]]) -> bool:
    """Return whether a page would have to cut what it repeats of a form."""
    lengths = [len(text) for _, text in fields]
    return sum(lengths) > MOST_ECHO or any(length > LONGEST_ECHO for length in lengths)


def begin_page() -> None:
    """Let the page that is rendered next repeat as much as a page may."""
    _left.set(MOST_ECHO)


def cut_echo(value: Any) -> Any:
    """Return what a template shows of a value: all of it, unless it is a long text."""
    if not isinstance(value, str) or hasattr(value, "__html__") or len(value) <= _SHORT:
        return value
    left = _left.get()
    shown = value[: max(min(LONGEST_ECHO, left), _SHORT)]
    _left.set(left - len(shown))
    return shown
