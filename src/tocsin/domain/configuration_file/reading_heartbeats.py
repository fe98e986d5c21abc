"""The part `heartbeats`."""

from typing import Final

from tocsin.domain.configuration_file.description import DescribedHeartbeat
from tocsin.domain.configuration_file.place import Place
from tocsin.domain.configuration_file.reading_slugs import check_key
from tocsin.domain.duration import NO_TIME, parse_duration
from tocsin.domain.heartbeat import DEFAULT_GRACE, LONGEST_EVERY, LONGEST_GRACE, SHORTEST_EVERY
from tocsin.domain.routing import RoutingKey

FIELDS: Final = ("name", "every", "grace", "routing_key", "paused")


def read_heartbeat(slug: str, place: Place) -> DescribedHeartbeat:
    """Return what a heartbeat's entry says."""
    check_key(slug, place)
    fields = place.fields("a heartbeat", FIELDS)
    every, grace = SHORTEST_EVERY, DEFAULT_GRACE
    if "every" not in fields:
        place.mistake("needs to know how often its job calls, such as 'every: 5m'")
    else:
        every = fields["every"].read(
            lambda text: parse_duration(text, at_least=SHORTEST_EVERY, at_most=LONGEST_EVERY), every
        )
    if "grace" in fields:
        grace = fields["grace"].read(
            lambda text: parse_duration(text, at_least=NO_TIME, at_most=LONGEST_GRACE), grace
        )
    key, paused = fields.get("routing_key"), fields.get("paused")
    return DescribedHeartbeat(
        slug=slug,
        name=fields["name"].name(slug) if "name" in fields else slug,
        every=every,
        grace=grace,
        routing_key=key.read(lambda text: RoutingKey(text).value, "") if key else "",
        paused=paused.flag(otherwise=False) if paused else None,
    )
