"""The order in which people look for names: `board-2` before `board-10`."""

import re
from typing import Final

_DIGITS: Final = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[list[tuple[str, int]], str]:
    """Return what to sort a name by: its words by their letters, its numbers by their size."""
    words = _DIGITS.split(text.lower())
    pairs = zip(words[::2], [*map(int, words[1::2]), 0], strict=True)
    return list(pairs), text
