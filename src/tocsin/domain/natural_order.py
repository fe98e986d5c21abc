"""The order in which people look for names: `board-2` before `board-10`."""

import re
from typing import Final

_DIGITS: Final = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[list[tuple[str, int, str]], str]:
    """Return what to sort a name by: its words by their letters, its numbers by their size.

    A number is compared by how many digits it has, then by these: Python reads none of thousands of digits.
    """
    words = _DIGITS.split(text.lower())
    numbers = [number.lstrip("0") for number in [*words[1::2], ""]]
    parts = zip(words[::2], numbers, strict=True)
    return [(word, len(number), number) for word, number in parts], text
