"""The parts `routing_keys` and `default_routing`."""

from collections.abc import Iterator
from typing import Final

from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    DescribedRouting,
    ObjectKind,
    place_of,
)
from tocsin.domain.configuration_file.place import Place
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT, RoutingKey, parse_opening_types
from tocsin.domain.slug import parse_slug
from tocsin.errors import TocsinError

FIELDS: Final = ("policies", "opens_on")


class InvalidPolicyPath(TocsinError):
    """The text does not name a policy."""

    code = "invalid_policy_path"
    status_hint = 422


def parse_policy_path(text: str) -> str:
    """Return the path `team/policy` that names a policy. Raises: InvalidPolicyPath, InvalidSlug."""
    team, slash, slug = text.partition("/")
    if not slash:
        raise InvalidPolicyPath(
            f"{text[:80]!r} names no policy: write team/policy", given=text[:80]
        )
    return f"{parse_slug(team)}/{parse_slug(slug)}"


def read_routing_keys(place: Place) -> Iterator[DescribedRouting]:
    """Yield the routing keys, which are compared without regard to case."""
    seen: dict[str, int] = {}
    for text, entry in place.entries().items():
        key = _key(text, entry)
        if key in seen:
            entry.mistake(f"is the same key as on line {seen[key]}: case does not matter; keep one")
        seen[key] = entry.line
        entry.findings.lines[place_of(ObjectKind.ROUTING_KEY, key)] = entry.line
        yield read_routing(key, entry)


def read_default_routing(place: Place) -> Iterator[DescribedRouting]:
    """Yield the default routing, unless nothing is written there."""
    if not place.is_null:
        yield read_routing(DEFAULT_ROUTING, place)


def _key(text: str, place: Place) -> str:
    try:
        return RoutingKey(text).value
    except TocsinError as refusal:
        place.mistake(refusal.message)
        return text


def read_routing(key: str, place: Place) -> DescribedRouting:
    """Return what an entry says about where alerts are led."""
    fields = place.fields("a routing key", FIELDS)
    if "policies" not in fields:
        place.mistake("needs its policies, such as 'policies: [database/primary]'")
    return DescribedRouting(
        key=key,
        policies=_policies(fields["policies"]) if "policies" in fields else (),
        opens_on=_opens_on(fields["opens_on"])
        if "opens_on" in fields
        else OPENING_TYPES_BY_DEFAULT,
    )


def _policies(place: Place) -> tuple[str, ...]:
    items = place.items("[database/primary]")
    if not items and not place.is_scalar:
        place.mistake("name at least one policy; one with 'steps: []' pages nobody")
    found: dict[str, None] = {}
    for item in items:
        path = item.read(parse_policy_path, None)
        if path in found:
            item.mistake(f"names {path!r} twice; keep one")
        elif path:
            found[path] = None
    return tuple(found)


def _opens_on(place: Place) -> frozenset[MessageType]:
    items = place.items("[CRITICAL, WARNING]")
    if not items and not place.is_scalar:
        place.mistake("name at least one type of alert that opens an incident, such as [CRITICAL]")
    none: frozenset[MessageType] = frozenset()
    return none.union(*(item.read(parse_opening_types, none) for item in items))
