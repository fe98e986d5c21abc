"""From the bytes of a file to a tree with lines. YAML is read by event: nothing is ever constructed.

Every value stays the text that was written, so that `on` is a name, `1:30` no number of base 60, and
`90` can be asked about. What could blow up is bounded before anybody walks through it: the size of
the file, how deep it goes, and how much its aliases stand for.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import yaml

from tocsin.domain.configuration_file.mistakes import Mistake
from tocsin.domain.configuration_file.tree import Entry, Fields, Items, Node, Scalar

MOST_BYTES: Final = 1 << 20
MOST_NODES: Final = 100_000
DEEPEST: Final = 20

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TAGS: Final = {None, "!"} | {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
}
# Source: YAML 1.1, 5.1, c-printable; a byte order mark in front is taken off before.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml, the slow one


class _Unreadable(Exception):
    """Carries a mistake out of the depth of a file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(line, "", message)


def read_tree(content: bytes) -> Node | Mistake:
    """Return the tree of a file, or what keeps it from being read."""
    try:
        return _Builder(_events(_text(content))).document()
    except _Unreadable as found:
        return found.mistake


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _Unreadable(1, f"the file is over {MOST_BYTES >> 20} MiB; a configuration is not")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "this is not UTF-8; save the file as UTF-8") from None
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise _Unreadable(line, f"the character U+{ord(bad[0]):04X} cannot be here; take it out")
    return text


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        context = f" {error.context}" if error.context else ""
        raise _Unreadable(line, f"this is not YAML: {error.problem}{context}") from None


class _Builder:
    """Makes the tree. Each node comes with how many it stands for once its aliases are followed."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Node, int]] = {}

    def document(self) -> Node:
        root: Node = Scalar(text="", is_null=True, line=1)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _refuse(event, "a second document begins here; write one file for all")
                root, _size = self._node(next(self._events), depth=0)
        return root

    def _node(self, event: Any, *, depth: int) -> tuple[Node, int]:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                _refuse(event, f"nothing above is marked &{event.anchor}, which *{event.anchor} is")
            return self._anchors[event.anchor]
        made = self._made(event, depth=depth)
        if event.anchor:
            self._anchors[event.anchor] = made
        return made

    def _made(self, event: Any, *, depth: int) -> tuple[Node, int]:
        if event.tag not in _TAGS:
            _refuse(event, f"tags such as {event.tag[:40]} mean nothing here; leave it out")
        if depth > DEEPEST:
            _refuse(event, "this is nested deeper than any configuration")
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.implicit[0] and event.value in _NULLS
            return Scalar(text=event.value, is_null=is_null, line=line), 1
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, line, depth=depth)
        return self._fields(event, line, depth=depth)

    def _items(self, start: Any, line: int, *, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        size = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item, more = self._node(event, depth=depth + 1)
            items.append(item)
            size = _bounded(size + more, start)
        return Items(items=tuple(items), line=line), size

    def _fields(self, start: Any, line: int, *, depth: int) -> tuple[Node, int]:
        entries: list[Entry] = []
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, _one = self._node(event, depth=depth + 1)
            if not isinstance(key, Scalar):
                _refuse(event, "a key must be a single word")
            value, more = self._node(next(self._events), depth=depth + 1)
            entries.append(Entry(key=key.text, line=event.start_mark.line + 1, value=value))
            size = _bounded(size + more, start)
        return Fields(entries=tuple(entries), line=line), size


def _bounded(size: int, event: Any) -> int:
    if size > MOST_NODES:
        _refuse(event, f"this stands for over {MOST_NODES} values; write fewer, or fewer aliases")
    return size


def _refuse(event: Any, message: str) -> NoReturn:
    raise _Unreadable(event.start_mark.line + 1, message)
