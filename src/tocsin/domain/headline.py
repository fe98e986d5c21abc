"""An incident in one sentence: who is being called, since when, what is next, or that nobody is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from tocsin.domain.actor import name_of_actor
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.incident import Status
from tocsin.domain.timeline_sentence import not_started_text
from tocsin.domain.why import DueStep, Situation
from tocsin.domain.wording import instant_text, listed, routing_text

Part = str | datetime
_MOST_NAMES = 4


class HeadlineReason(StrEnum):
    """What the sentence says, for a program. The values are public and never change."""

    RESOLVED = "resolved"
    HELD = "held"
    ACKNOWLEDGED = "acknowledged"
    PAUSED = "paused"
    CALLING = "calling"  # somebody is being called at this moment, and has not taken it yet
    TOLD = "told"  # somebody took it, and nobody has acknowledged
    REACHED_NOBODY = "reached_nobody"  # whoever was called could not be reached
    NOT_YET = "not_yet"  # the first step is to come
    NOT_STARTED = "not_started"  # no policy could start
    CALLED_NOBODY = "called_nobody"  # steps fired, and passed over all of their webhooks
    NO_ROUTING = "no_routing"


@dataclass(frozen=True, slots=True)
class Call:
    """A page of a policy that the incident goes by, in the order in which they were made."""

    webhook: str
    since: datetime
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence; its instants stand between its words, so that a page can show them as it likes."""

    reason: HeadlineReason
    parts: tuple[Part, ...]
    next_at: datetime | None = None
    """When the next step fires, if one does."""

    @property
    def text(self) -> str:
        return "".join(
            instant_text(each) if isinstance(each, datetime) else each for each in self.parts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The pages of an incident. `now` is when they are looked at."""

    now: datetime
    in_force: Sequence[Call]
    earlier: Sequence[Call] = ()
    """Of what it went by before it was reopened, rerouted or moved."""
    is_paused: bool


def decide_headline(situation: Situation, *, since: datetime, calls: Calls) -> Headline:
    """Return the sentence. `since` is when the incident became what it is."""
    by = name_of_actor(situation.changed_by)
    rest = (*_in_flight((*calls.earlier, *calls.in_force)), ".")
    match situation.status:
        case Status.RESOLVED:
            parts = ("Nobody is called: ", f"{by} resolved it at ", since, *rest)
            return Headline(HeadlineReason.RESOLVED, parts)
        case Status.ACKNOWLEDGED if situation.held_until is not None:
            resumed = " as soon as Tocsin, which is paused, is resumed" if calls.is_paused else ""
            ends = situation.held_until, f", when its policies start again{resumed}"
            parts = ("Nobody is called: ", f"{by} took it at ", since, " and holds it until ")
            return Headline(HeadlineReason.HELD, (*parts, *ends, *rest), situation.held_until)
        case Status.ACKNOWLEDGED:
            parts = ("Nobody is called: ", f"{by} acknowledged it at ", since, *rest)
            return Headline(HeadlineReason.ACKNOWLEDGED, parts)
        case Status.TRIGGERED:
            return _of_triggered(situation, since, calls)
    assert_never(situation.status)


def _in_flight(called: Iterable[Call]) -> Iterator[Part]:
    names = _names(each.webhook for each in called if not each.state.is_ended)
    if names:
        yield f", though an attempt to call {names} was under way and could not be recalled"


def _of_triggered(situation: Situation, since: datetime, calls: Calls) -> Headline:
    reason, now = _now(situation, calls)
    in_flight = _in_flight(calls.earlier)
    upcoming = min(situation.due_steps, key=_first_instant, default=None)
    if calls.is_paused:
        reason, now = HeadlineReason.PAUSED, ("Tocsin is paused, so nobody is called",)
        sending = (each for each in calls.in_force if each.state is DeliveryState.SENDING)
        in_flight = _in_flight((*calls.earlier, *sending))
    next_at = None if upcoming is None else _first_instant(upcoming)
    then = (*_then(upcoming, calls), "; triggered since ", since, ".")
    return Headline(reason, (*now, *in_flight, *then), next_at)


def _now(situation: Situation, given: Calls) -> tuple[HeadlineReason, tuple[Part, ...]]:
    """Return who is being called, or what became of those who were."""
    calls = given.in_force
    anew = " since its policies last started" if given.earlier else ""
    called = [each for each in calls if not each.state.is_ended]
    told = [each for each in calls if each.state is DeliveryState.DELIVERED]
    if called:
        names = {each.webhook for each in called}
        before = _names(each.webhook for each in told if each.webhook not in names)
        after = f" (told already: {before})" if before else ""
        verb = "is" if len(names) == 1 else "are"
        who = f"{_names(each.webhook for each in called)} {verb} being called since "
        return HeadlineReason.CALLING, (who, called[0].since, after)
    if told:
        who = (
            f"Nobody is being called: {_names(each.webhook for each in told)} took it, the last at "
        )
        return HeadlineReason.TOLD, (who, told[-1].since, ", and nobody has acknowledged")
    if calls:
        names_ = _names(each.webhook for each in calls)
        return HeadlineReason.REACHED_NOBODY, (
            f"Nobody was reached{anew}: no call of {names_} succeeded",
        )
    return _nobody(situation, anew or " yet")


def _nobody(situation: Situation, yet: str) -> tuple[HeadlineReason, tuple[Part, ...]]:
    """Return why nobody was called at all."""
    if situation.due_steps:
        return HeadlineReason.NOT_YET, (f"Nobody has been called{yet}",)
    if situation.not_started:
        whys = listed([f"{path}: {not_started_text(why)}" for path, why in situation.not_started])
        return HeadlineReason.NOT_STARTED, (f"Nobody is called, as no policy could start ({whys})",)
    if situation.has_started:
        every = "every webhook that a step would have called is disabled or deleted"
        return HeadlineReason.CALLED_NOBODY, (f"Nobody is called: {every}",)
    led = f"Nobody is called: {routing_text(situation.routing_key)} led to no policy"
    return HeadlineReason.NO_ROUTING, (led,)


def _then(step: DueStep | None, calls: Calls) -> Iterator[Part]:
    """Yield what comes next."""
    if step is None:
        if calls.in_force and not calls.is_paused:
            yield "; nobody is left to be called after that"
        return
    yield "; once it is resumed, " if calls.is_paused else "; next, "
    whom = listed(step.webhooks, nothing="nobody, as every webhook of it is disabled,")
    if _first_instant(step) <= calls.now:
        yield f"{step.name}, calls {whom} at once, as planned for "
        yield _first_instant(step)
        return
    yield f"{step.name}, calls {whom} at "
    yield step.due_at
    if step.sooner_at is not None:
        yield ", or already at "
        yield step.sooner_at
        yield " if the step before it has reached nobody by then"


def _first_instant(step: DueStep) -> datetime:
    return step.due_at if step.sooner_at is None else min(step.due_at, step.sooner_at)


def _names(webhooks: Iterable[str]) -> str:
    """Return each name once; of many, how many others there are."""
    return listed(list(dict.fromkeys(webhooks)), nothing="", most=_MOST_NAMES)
