"""Objects of one file that cannot stand beside each other."""

from collections.abc import Iterator, Mapping

from tocsin.domain.configuration_file.description import (
    Described,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    Description,
    ObjectKind,
    place_of,
)
from tocsin.domain.configuration_file.mistakes import Mistake


def find_clashes(description: Description, lines: Mapping[str, int]) -> Iterator[Mistake]:
    """Yield what is described twice under different names."""
    for kind in ObjectKind:
        yield from _renames(kind, description.of(kind), lines)
    yield from _same_keys(description, lines)


def former_key(described: Described) -> str | None:
    """Return the key that a renamed object had before, within its team for a policy."""
    if isinstance(described, DescribedRouting | DescribedHeartbeat) or described.was is None:
        return None
    if isinstance(described, DescribedPolicy):
        return f"{described.team}/{described.was}"
    return described.was


def _renames(
    kind: ObjectKind, objects: Mapping[str, Described], lines: Mapping[str, int]
) -> Iterator[Mistake]:
    claimed: dict[str, str] = {}
    for key, described in objects.items():
        was = former_key(described)
        if was is None:
            continue
        place = f"{place_of(kind, key)}.was"
        if was in objects:
            message = f"{was!r} is described here too; apply the renaming first, then the new one"
            yield Mistake(lines.get(place, 1), place, message)
        elif was in claimed:
            message = f"{claimed[was]!r} was {was!r} too; only one can be"
            yield Mistake(lines.get(place, 1), place, message)
        claimed[was] = key


def _same_keys(description: Description, lines: Mapping[str, int]) -> Iterator[Mistake]:
    names: dict[bytes, str] = {}
    for name, key in description.alert_keys.items():
        if key.hash is not None and names.setdefault(key.hash, name) != name:
            place = f"{place_of(ObjectKind.ALERT_KEY, name)}.key"
            message = f"is the same key as {names[key.hash]!r}; give each sender one of its own"
            yield Mistake(lines.get(place, 1), place, message)
