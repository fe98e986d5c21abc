"""What an alert would do, before it is sent, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.domain.alert import Alert
from tocsin.domain.configuration import Route
from tocsin.domain.configuration_file.advice import Advice, ToldAdvice, told_once
from tocsin.domain.effect_sentence import type_text
from tocsin.domain.foresight import Foresight
from tocsin.domain.incident import Effect, Incident
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import format_opening_types
from tocsin.domain.wording import listed

_NOT_STARTED = {
    "policy_is_empty": "it has no steps",
    "webhooks_disabled": "every webhook that it calls is disabled",
}

_EFFECTS = {
    Effect.OPENED: "It would open an incident: this entity has none that is open.",
    Effect.ROLLED_UP: "It would be counted into {}, which is open for this entity, and start no "
    "escalation of its own.",
    Effect.REOPENED: "It would reopen {}: that is acknowledged, and everything before was less than CRITICAL.",
    Effect.ACKNOWLEDGED: "It would acknowledge {}.",
    Effect.ALREADY_ACKNOWLEDGED: "It would change nothing: {} is acknowledged already.",
    Effect.RESOLVED: "It would resolve {}.",
}


@dataclass(frozen=True, slots=True)
class PolicyForecast:
    """A policy that an alert would, or could not, start."""

    path: str
    name: str
    not_started: str | None
    """Why it could not, as the timeline would name it; None: it starts."""
    foresight: Foresight
    advice: tuple[Advice, ...]

    @property
    def headline(self) -> str:
        if self.not_started is None:
            return f"{self.path} would start:"
        reason = _NOT_STARTED.get(self.not_started, self.not_started)
        return f"{self.path} would not start: {reason}."

    @property
    def warnings(self) -> tuple[Advice, ...]:
        """What of it is hardly meant."""
        return tuple(each for each in self.advice if not each.is_as_meant)

    @property
    def told_warnings(self) -> tuple[ToldAdvice, ...]:
        return told_once(self.warnings)


@dataclass(frozen=True, slots=True)
class AlertForecast:
    """What an alert would do now. `incident` is the open one of its entity, if there is one."""

    alert: Alert
    given_key: str
    """The end of the URL, as it was given."""
    route: Route
    has_entity: bool
    """Whether the alert names one; otherwise it is an entity of its own."""
    effect: Effect
    incident: Incident | None
    policies: tuple[PolicyForecast, ...]
    """Those that it would start, or could not start. Empty if it starts none."""

    @property
    def pages_somebody(self) -> bool:
        return any(policy.not_started is None for policy in self.policies)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why it would do that, from the alert to who is paged."""
        return tuple(self._sentences())

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, for a terminal: what each policy does, and what of that will hardly work, too."""
        found = list(self.sentences)
        for policy in self.policies:
            found.append(policy.headline)
            if policy.not_started is None:
                found += [f"    {sentence}" for sentence in policy.foresight.sentences]
            found += [f"    warning: {each.text()}" for each in policy.warnings]
        return tuple(found)

    def _sentences(self) -> Iterator[str]:
        alert = self.alert
        whose = f"of {alert.entity_id!r}" if self.has_entity else "of an entity of its own"
        yield f"It is read as {type_text(alert.message_type, alert.repairs)}, {whose}."
        key = alert.routing_key.value if alert.routing_key else None
        yield route_sentence(self.given_key, key, self.route)
        yield self._effect()
        if self.effect in (Effect.OPENED, Effect.REOPENED):
            yield self._paged()

    def _paged(self) -> str:
        if not self.policies:
            return "It would page nobody: there is no policy that it leads to."
        if not self.pages_somebody:
            return "It would page nobody: none of the policies that it leads to can start."
        starting = [policy.path for policy in self.policies if policy.not_started is None]
        return f"Policies that would start: {listed(starting)}."

    def _effect(self) -> str:
        number = f"incident #{self.incident.number}" if self.incident else ""
        if self.effect in _EFFECTS:
            return _EFFECTS[self.effect].format(number)
        return self._nothing(number)

    def _nothing(self, number: str) -> str:
        if self.effect is Effect.NO_OPEN_INCIDENT:
            verb = "resolve"
            if self.alert.message_type is not MessageType.RECOVERY:
                verb = "acknowledge"
            return f"It would be recorded, and change nothing: this entity has no open incident to {verb}."
        if number:
            return f"It would be recorded with {number}, and change nothing."
        opening = format_opening_types(self.route.opening_types)
        return f"It would be recorded, and open nothing: here only {opening} opens an incident."


def route_sentence(given: str, key: str | None, route: Route) -> str:
    """Return which routing takes an alert, and why. `key` is None for a text that no key can be."""
    where = f"It leads to {listed([each.path for each in route.policies])}."
    if not route.is_default:
        return f"The routing key {key} is configured. {where}"
    default = "the default routing takes it"
    if not route.policies:
        where, default = "", "the default routing would take it, and there is none"
    if not given:
        text = f"It has no routing key: {default}. {where}"
    elif key is None:
        text = f"{given[:100]!r} cannot be a routing key: {default}. {where}"
    else:
        text = f"The routing key {key} is not configured: {default}. {where}"
    return text.strip()
