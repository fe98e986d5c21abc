"""One thing that is fuzzed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """`feed` raises for nothing but a bug. `words` are bytes that mean something to it."""

    feed: Callable[[bytes], None]
    words: Sequence[bytes] = ()
    longest: int = 4096
    """Units: bytes of an input."""
