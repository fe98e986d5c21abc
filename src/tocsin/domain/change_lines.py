"""What a change changed, line by line, for people."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

LONGEST_LINE: Final = 300
MOST_LINES: Final = 400
"""Of each side of one field: comparing takes their product in the worst case."""


class ChangeLine(NamedTuple):
    """One line of a field's value: `-` before, `+` after, or a space for what stayed."""

    sign: str
    text: str


class FieldChange(NamedTuple):
    """What became of one field."""

    name: str
    lines: tuple[ChangeLine, ...]


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Return what differs, by field: the old lines and the new ones, and one line around them."""
    names = dict.fromkeys([*before, *after])
    return [
        FieldChange(name, tuple(_differences(_lines(before, name), _lines(after, name))))
        for name in names
        if name not in before or name not in after or before[name] != after[name]
    ]


def _lines(values: Mapping[str, Any], name: str) -> list[str]:
    if name not in values:
        return []
    value = values[name]
    lines = list(_told(value))
    shown = [_cut(line) for line in lines[:MOST_LINES]]
    left = len(lines) - len(shown)
    return [*shown, f"... and {left} more lines"] if left else shown


def _told(value: Any) -> Iterator[str]:
    """Yield a value as lines for people: one for each thing that could change alone, without punctuation that could."""
    match value:
        case dict() if value:
            for name, inner in value.items():
                if isinstance(inner, dict | list) and inner:
                    yield f"{name}:"
                    yield from (f"  {line}" for line in _told(inner))
                else:
                    yield f"{name}: {' '.join(_told(inner))}"
        case list() if value:
            for inner in value:
                first, *others = _told(inner)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)
        case str():
            yield from value.splitlines() or [""]
        case bool():
            yield "yes" if value else "no"
        case None | {} | []:
            yield "nothing"
        case _:
            yield str(value)


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."


def _differences(old: list[str], new: list[str]) -> Iterator[ChangeLine]:
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(1):
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                yield from (ChangeLine(" ", line) for line in old[old_from:old_to])
                continue
            yield from (ChangeLine("-", line) for line in old[old_from:old_to])
            yield from (ChangeLine("+", line) for line in new[new_from:new_to])
