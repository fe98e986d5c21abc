"""The part `teams`, with their escalation policies."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from tocsin.domain.configuration_file.description import (
    DescribedPolicy,
    DescribedStep,
    DescribedTeam,
)
from tocsin.domain.configuration_file.place import Place
from tocsin.domain.configuration_file.reading_slugs import check_key, read_was
from tocsin.domain.duration import NO_TIME, parse_duration
from tocsin.domain.policy import (
    LONGEST_PATIENCE,
    MOST_REPEATS,
    MOST_STEPS,
    NEXT_STEP,
    SHORTEST_PATIENCE,
    Repeat,
    check_then,
)
from tocsin.domain.slug import parse_slug
from tocsin.errors import TocsinError

TEAM_FIELDS: Final = ("name", "policies", "was")
POLICY_FIELDS: Final = ("name", "steps", "repeat", "was")
STEP_FIELDS: Final = ("after", "webhooks", "if_undelivered")
IF_UNDELIVERED_FIELDS: Final = ("after", "then")
REPEAT_FIELDS: Final = ("times", "after")
SHORTEST_REPEAT: Final = timedelta(seconds=1)


class InvalidTimes(TocsinError):
    """The text does not say how often a policy repeats."""

    code = "invalid_times"
    status_hint = 422


def read_team(slug: str, place: Place) -> DescribedTeam:
    """Return what a team's entry says about the team itself."""
    check_key(slug, place)
    fields = place.fields("a team", TEAM_FIELDS)
    name = fields["name"].name(slug) if "name" in fields else slug
    return DescribedTeam(slug=slug, name=name, was=read_was(slug, fields))


def read_policies(place: Place, *, team: str) -> Iterator[DescribedPolicy]:
    """Yield the policies of the part `policies` of a team."""
    for slug, policy in place.entries().items():
        yield _policy(team, slug, policy)


def _policy(team: str, slug: str, place: Place) -> DescribedPolicy:
    check_key(slug, place)
    fields = place.fields("a policy", POLICY_FIELDS)
    return DescribedPolicy(
        team=team,
        slug=slug,
        name=fields["name"].name(slug) if "name" in fields else slug,
        steps=_steps(place, fields),
        repeat=_repeat(fields["repeat"]) if "repeat" in fields else None,
        was=read_was(slug, fields),
    )


def _steps(place: Place, fields: Mapping[str, Place]) -> tuple[DescribedStep, ...]:
    if "steps" not in fields:
        place.mistake("a policy needs its steps; write 'steps: []' for one that pages nobody")
        return ()
    items = fields["steps"].items("- {after: 0s, webhooks: [pager]}")
    if len(items) > MOST_STEPS:
        fields["steps"].mistake(f"a policy has at most {MOST_STEPS} steps; this has {len(items)}")
    return tuple(_step(item) for item in items)


def _step(place: Place) -> DescribedStep:
    fields = place.fields("a step", STEP_FIELDS)
    if "after" not in fields:
        place.mistake("a step needs 'after': how long after the step before it, such as 0s or 10m")
    if "webhooks" not in fields:
        place.mistake("a step needs its webhooks, such as 'webhooks: [pager]'")
    return DescribedStep(
        after=fields["after"].read(parse_duration, NO_TIME) if "after" in fields else NO_TIME,
        webhooks=_webhooks(fields["webhooks"]) if "webhooks" in fields else (),
        if_undelivered=_patience(fields["if_undelivered"]) if "if_undelivered" in fields else None,
    )


def _patience(place: Place) -> timedelta | None:
    fields = place.fields("if_undelivered", IF_UNDELIVERED_FIELDS)
    for name in IF_UNDELIVERED_FIELDS:
        if name not in fields:
            place.mistake(f"needs {name!r}, such as {{after: 60s, then: {NEXT_STEP}}}")
    if "then" in fields:
        fields["then"].read(check_then, "")
    return fields["after"].read(_patience_length, None) if "after" in fields else None


def _patience_length(text: str) -> timedelta:
    return parse_duration(text, at_least=SHORTEST_PATIENCE, at_most=LONGEST_PATIENCE)


def _webhooks(place: Place) -> tuple[str, ...]:
    items = place.items("[pager, phone-bridge]")
    if not items and not place.is_scalar:
        place.mistake("a step reaches at least one webhook; name one, or leave the step out")
    found: dict[str, None] = {}
    for item in items:
        slug = item.read(parse_slug, None)
        if slug in found:
            item.mistake(f"this step names {slug!r} twice; keep one")
        elif slug:
            found[slug] = None
    return tuple(found)


def _repeat(place: Place) -> Repeat:
    fields = place.fields("a repeat", REPEAT_FIELDS)
    for name in REPEAT_FIELDS:
        if name not in fields:
            place.mistake(f"a repeat needs {name!r}, such as {{times: 3, after: 15m}}")
    times = fields["times"].read(_times, 1) if "times" in fields else 1
    after = fields["after"].read(_pause, SHORTEST_REPEAT) if "after" in fields else SHORTEST_REPEAT
    return Repeat(times=times, after=after)


def _pause(text: str) -> timedelta:
    return parse_duration(text, at_least=SHORTEST_REPEAT)


def _times(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidTimes(f"write a number from 1 to {MOST_REPEATS}", given=text[:40])
    if not 1 <= int(text) <= MOST_REPEATS:
        raise InvalidTimes(f"a policy repeats 1 to {MOST_REPEATS} times", given=text)
    return int(text)
