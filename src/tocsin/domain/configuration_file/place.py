"""A place in the file that is being read. What is wrong is noted there, and reading goes on."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from tocsin.domain.configuration_file.mistakes import Mistake, nearest
from tocsin.domain.configuration_file.tree import Fields, Items, Node, Scalar
from tocsin.domain.display_name import check_name
from tocsin.errors import TocsinError

_T = TypeVar("_T")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_<>-]{1,64}")
_FLAGS: Final = {"true": True, "false": False}


@dataclass(slots=True)
class Findings:
    """What reading a file has found so far: its mistakes, and the line of each place.

    `read_file` returns what another file holds that this one names; it raises a TocsinError.
    """

    read_file: Callable[[str], str]
    mistakes: list[Mistake] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A value and where it stands. Paths count list items from 1, as people do."""

    path: str
    line: int
    node: Node
    findings: Findings

    def __post_init__(self) -> None:
        self.findings.lines[self.path] = self.line

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, Scalar) and self.node.is_null

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, Scalar)

    def mistake(self, message: str) -> None:
        """Note what is wrong here."""
        self.findings.mistakes.append(Mistake(self.line, self.path, message))

    def entries(self) -> dict[str, "Place"]:
        """Return a mapping's values by key; nothing written is an empty mapping."""
        if self.is_null:
            return {}
        if not isinstance(self.node, Fields):
            self.mistake("write fields below it, each as 'name: value'")
            return {}
        found: dict[str, Place] = {}
        for entry in self.node.entries:
            place = Place(_join(self.path, entry.key), entry.line, entry.value, self.findings)
            if entry.key in found:
                place.mistake(f"is here twice, first on line {found[entry.key].line}; keep one")
            else:
                found[entry.key] = place
        return found

    def fields(self, what: str, known: Collection[str]) -> Mapping[str, "Place"]:
        """Return the fields of an object that were written. `what` is the object in a sentence."""
        entries = self.entries()
        for name in entries.keys() - set(known):
            hint = nearest(name, known) or f"; it has {', '.join(known)}"
            entries[name].mistake(f"{what} has no such field{hint}")
        return {
            name: place for name, place in entries.items() if name in known and not place.is_null
        }

    def find(self, name: str) -> "Place | None":
        """Return a field by name, without judging the others."""
        entries = self.node.entries if isinstance(self.node, Fields) else ()
        for entry in entries:
            if entry.key == name:
                return Place(_join(self.path, name), entry.line, entry.value, self.findings)
        return None

    def items(self, example: str) -> list["Place"]:
        """Return the items of a list."""
        if not isinstance(self.node, Items):
            self.mistake(f"write a list, such as {example}")
            return []
        return [
            Place(f"{self.path}[{number}]", item.line, item, self.findings)
            for number, item in enumerate(self.node.items, start=1)
        ]

    def text(self) -> str | None:
        """Return a text; None, and a mistake noted, for anything else."""
        if isinstance(self.node, Scalar) and not self.node.is_null:
            return self.node.text
        self.mistake("write a single value here")
        return None

    def read(self, parse: Callable[[str], _T], otherwise: _T) -> _T:
        """Return what `parse` makes of the text, or `otherwise` with its refusal noted."""
        text = self.text()
        return otherwise if text is None else self.attempt(lambda: parse(text), otherwise)

    def attempt(self, make: Callable[[], _T], otherwise: _T) -> _T:
        """Return what `make` makes of what is written here, or `otherwise` with its refusal noted."""
        try:
            return make()
        except TocsinError as refusal:
            self.mistake(refusal.message)
            return otherwise

    def name(self, otherwise: str) -> str:
        """Return a name for people."""
        return self.read(check_name, otherwise)

    def flag(self, *, otherwise: bool) -> bool:
        """Return a yes or no, which has one spelling."""
        text = self.text()
        if text is not None and text not in _FLAGS:
            self.mistake("write true or false")
        return _FLAGS.get(text or "", otherwise)


def _join(path: str, key: str) -> str:
    shown = key if _PLAIN.fullmatch(key) else repr(key[:64])
    return f"{path}.{shown}" if path else shown
