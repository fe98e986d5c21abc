"""A parsed file: nested lists and mappings of text, each with its line, before anything is made of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it stands in the file; `is_null` when nothing was written, or `~` or `null`."""

    text: str
    is_null: bool
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, and its value. One key may come twice: whoever reads it says so."""

    key: str
    line: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping."""

    entries: tuple[Entry, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    line: int


Node = Scalar | Fields | Items
