"""All of an incident as plain text, for a ticket, a chat or a mail."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from tocsin.actions.show_ladder import Ladder, Rung
from tocsin.actions.whole_incident import WholeIncident
from tocsin.domain.ladder import RungState
from tocsin.domain.wording import counted, lateness_text, listed
from tocsin.ids import ALERT, DELIVERY, id_text
from tocsin.web.incident_words import ending_text, last_attempt_text, took_text
from tocsin.web.times import exact_text


def incident_text(whole: WholeIncident, *, now: datetime, zone: tzinfo) -> str:
    """Return every section in the order of the page, instants in a time zone."""
    return "\n".join(_Writer(whole, now, zone).lines()) + "\n"


class _Writer:
    def __init__(self, whole: WholeIncident, now: datetime, zone: tzinfo) -> None:
        self._whole = whole
        self._now = now
        self._zone = zone

    def lines(self) -> Iterator[str]:
        line, incident = self._whole.line, self._whole.line.incident
        yield f"Incident #{incident.number}: {line.title}"
        yield self._headline()
        yield ""
        yield f"Status: {incident.status}"
        yield f"Entity: {incident.entity_id}"
        yield f"Routing key: {incident.routing_key or '(the default routing)'}"
        yield f"Opened: {self._at(incident.opened_at)}"
        yield f"Alerts: {incident.alert_count}"
        if line.message:
            yield f"Message: {line.message}"
        yield f"As of: {self._at(self._now)}"
        yield from self._section("Annotations", self._annotations())
        for ladder in self._whole.ladders:
            title = f"Escalation {ladder.number}: {ladder.policy}, version {ladder.version}"
            yield from self._section(title, self._ladder(ladder))
        yield from self._section("Fields", self._fields())
        yield from self._section("Latest alerts", self._alerts())
        yield from self._section("Timeline", self._timeline())
        yield from self._section("Earlier incidents of this entity", self._history())

    def _at(self, at: datetime) -> str:
        return exact_text(at, self._zone)

    def _headline(self) -> str:
        parts = self._whole.headline.parts
        return "".join(each if isinstance(each, str) else self._at(each) for each in parts)

    def _section(self, title: str, lines: Iterator[str]) -> Iterator[str]:
        written = list(lines)
        if written:
            yield from ("", title, "-" * len(title), *written)

    def _annotations(self) -> Iterator[str]:
        for each in self._whole.annotations:
            yield each.text if each.title == each.text else f"{each.title}: {each.text}"

    def _ladder(self, ladder: Ladder) -> Iterator[str]:
        yield f"Started {self._at(ladder.started_at)}, {ladder.fired} of {counted(ladder.of, 'step')} fired"
        if ladder.earlier:
            yield f"({counted(ladder.earlier, 'earlier step')} left out)"
        for rung in ladder.rungs:
            yield from self._rung(rung)
        if ladder.later:
            yield f"({counted(ladder.later, 'later step')} left out)"
        if ladder.end_reason is not None and ladder.ended_at is not None:
            yield f"Ended {self._at(ladder.ended_at)}: {ending_text(ladder)}"
        if ladder.new_version is not None:
            yield f"The policy has changed since: version {ladder.new_version} is current"

    def _rung(self, rung: Rung) -> Iterator[str]:
        place = str(rung.place).capitalize()
        calls = listed(rung.webhooks)
        if rung.fired_at is not None and rung.lateness is not None:
            yield f"{place} fired {self._at(rung.fired_at)}, {lateness_text(rung.lateness)}"
        elif rung.planned_at is not None:
            sooner = (
                f", or {self._at(rung.sooner_at)} if nobody is reached" if rung.sooner_at else ""
            )
            yield f"{place} calls {calls} {self._at(rung.planned_at)}{sooner}"
        else:
            fired = "fired" if rung.state is RungState.FIRED else "did not fire"
            yield f"{place} {fired}: {calls}"
        for line in rung.calls:
            id_ = id_text(DELIVERY, line.delivery.id)
            yield f"  {line.webhook}: {line.delivery.state}, {last_attempt_text(line)} ({id_})"
        yield from (f"  {remark}" for remark in rung.remarks)

    def _fields(self) -> Iterator[str]:
        for name, value in self._whole.alert.fields.items():
            yield f"{name}: {value}"

    def _alerts(self) -> Iterator[str]:
        for alert in self._whole.alerts:
            message = alert.fields.get("state_message", "")
            said = f": {message}" if message else ""
            yield f"{self._at(alert.received_at)} {alert.message_type} {id_text(ALERT, alert.id)}{said}"

    def _timeline(self) -> Iterator[str]:
        for told in self._whole.timeline:
            yield f"{self._at(told.at)} {told.text}"

    def _history(self) -> Iterator[str]:
        for past in self._whole.history:
            incident = past.line.incident
            yield (
                f"#{incident.number} {self._at(incident.opened_at)}: {past.line.title}; acknowledged after "
                f"{took_text(past.until_taken)}, resolved after {took_text(past.until_resolved)}"
            )
