"""How incidents are written in answers."""

from typing import Annotated, Any

from pydantic import Field

from tocsin.actions.incidents import Refused, Result
from tocsin.actions.show_incidents import (
    IncidentLine,
    NextStep,
    ShownEscalation,
    ShownIncident,
    describe_incidents,
)
from tocsin.actions.show_timeline import Told
from tocsin.api.field_types import AnswerModel, Error, Instant
from tocsin.domain.escalation import EndReason
from tocsin.domain.headline import Headline, HeadlineReason
from tocsin.domain.incident import Incident, Status
from tocsin.domain.step_place import StepPlace
from tocsin.domain.timeline import Kind
from tocsin.ids import ALERT, id_text
from tocsin.store.database import Tx

AlertId = Annotated[str, Field(examples=["alr_0c8ef309e0007401"])]


class IncidentAnswer(AnswerModel):
    """An incident. `title` and `message` are those of the alert that raised it last."""

    number: Annotated[int, Field(examples=[7])]
    status: Status
    entity_id: Annotated[str, Field(examples=["db-1/disk"])]
    title: str
    message: str
    routing_key: Annotated[str | None, Field(description="null: the default routing")]
    opened_at: Instant
    changed_at: Instant
    acknowledged_by: str | None
    held_until: Instant | None
    nobody_left_since: Annotated[
        Instant | None, Field(description="Since when nobody is left to page")
    ]
    alert_count: int
    first_alert: AlertId
    latest_alert: AlertId
    raising_alert: Annotated[AlertId, Field(description="Whose fields the next step sends")]


class ChangedIncident(IncidentAnswer):
    """An incident as it is now, and whether that is new."""

    changed: bool


class PlaceAnswer(AnswerModel):
    """Where a step stands: all from 1. A cycle is one pass through the policy's steps."""

    step: int
    steps: int
    cycle: int
    cycles: int


class NextStepAnswer(AnswerModel):
    """The step that fires next, unless somebody stops it."""

    place: PlaceAnswer
    due_at: Instant
    sooner_at: Annotated[
        Instant | None,
        Field(
            description="When it fires already, unless the step before it has reached somebody by then; "
            "null: not before `due_at`"
        ),
    ]
    webhooks: list[str]


class EscalationAnswer(AnswerModel):
    """One run of one version of a policy."""

    number: int
    policy: Annotated[str, Field(examples=["ops/primary"])]
    version: int
    started_at: Instant
    fired: Annotated[int, Field(description="Steps fired, repeats included")]
    of: Annotated[int, Field(description="Steps there are, repeats included")]
    next: NextStepAnswer | None
    in_force: Annotated[
        bool, Field(description="False once reopening, rerouting or moving replaced it")
    ]
    ended_at: Instant | None
    end_reason: EndReason | None


class HeadlineAnswer(AnswerModel):
    """One sentence: who is being called, since when, what is next, or that nobody is."""

    reason: Annotated[HeadlineReason, Field(description="Stable; programs go by it")]
    text: str
    next_at: Annotated[
        Instant | None, Field(description="When the next step fires, or a hold ends")
    ]


class ShownIncidentAnswer(IncidentAnswer):
    """An incident with everything that runs, or ran, for it."""

    headline: HeadlineAnswer
    escalations: list[EscalationAnswer]


class TimelineAnswer(AnswerModel):
    """One thing that happened. `detail` depends on the kind; `text` says it all."""

    kind: Kind
    at: Instant
    planned_at: Instant | None
    lateness_seconds: Annotated[
        float | None, Field(description="Between the two; null for what was not planned")
    ]
    actor: str
    detail: dict[str, Any]
    text: str


class ResultAnswer(AnswerModel):
    """What became of one of several incidents: as it is now, or why nothing was done."""

    number: int
    changed: bool
    incident: IncidentAnswer | None
    error: Error | None


class ResultsAnswer(AnswerModel):
    """One result for each number, in the order asked."""

    results: list[ResultAnswer]


def render_line(line: IncidentLine) -> dict[str, Any]:
    incident = line.incident
    return {
        "number": incident.number,
        "status": incident.status,
        "entity_id": incident.entity_id,
        "title": line.title,
        "message": line.message,
        "routing_key": incident.routing_key or None,
        "opened_at": incident.opened_at,
        "changed_at": incident.changed_at,
        "acknowledged_by": incident.acknowledged_by,
        "held_until": incident.held_until,
        "nobody_left_since": incident.nobody_left_since,
        "alert_count": incident.alert_count,
        "first_alert": id_text(ALERT, incident.first_alert_id),
        "latest_alert": id_text(ALERT, incident.latest_alert_id),
        "raising_alert": id_text(ALERT, incident.raising_alert_id),
    }


def render_changed(tx: Tx, incident: Incident, *, changed: bool) -> ChangedIncident:
    """Return the answer to a change, from inside its transaction."""
    (line,) = describe_incidents(tx, [incident])
    return ChangedIncident(**render_line(line), changed=changed)


def render_results(tx: Tx, results: list[Result]) -> ResultsAnswer:
    """Return the answer to a change of several, from inside its transaction."""
    return ResultsAnswer(results=[_result(tx, result) for result in results])


def _result(tx: Tx, result: Result) -> ResultAnswer:
    if isinstance(result, Refused):
        refusal = result.refusal
        error = Error(code=refusal.code, message=refusal.message, fields=refusal.fields)
        return ResultAnswer(number=result.number, changed=False, incident=None, error=error)
    (line,) = describe_incidents(tx, [result.incident])
    incident = IncidentAnswer(**render_line(line))
    return ResultAnswer(number=result.number, changed=result.changed, incident=incident, error=None)


def render_incident(shown: ShownIncident, headline: Headline) -> ShownIncidentAnswer:
    return ShownIncidentAnswer(
        **render_line(shown.line),
        headline=HeadlineAnswer(
            reason=headline.reason, text=headline.text, next_at=headline.next_at
        ),
        escalations=[_escalation(each) for each in shown.escalations],
    )


def _escalation(shown: ShownEscalation) -> EscalationAnswer:
    return EscalationAnswer(
        number=shown.number,
        policy=shown.policy,
        version=shown.version,
        started_at=shown.started_at,
        fired=shown.fired,
        of=shown.of,
        next=render_next(shown.next) if shown.next else None,
        in_force=shown.in_force,
        ended_at=shown.ended_at,
        end_reason=shown.end_reason,
    )


def render_next(next_: NextStep) -> NextStepAnswer:
    return NextStepAnswer(
        place=render_place(next_.step.place),
        due_at=next_.due_at,
        sooner_at=next_.sooner_at,
        webhooks=list(next_.webhooks),
    )


def render_place(place: StepPlace) -> PlaceAnswer:
    return PlaceAnswer(step=place.number, steps=place.steps, cycle=place.cycle, cycles=place.cycles)


def render_told(told: Told) -> TimelineAnswer:
    lateness = told.lateness
    return TimelineAnswer(
        kind=told.kind,
        at=told.at,
        planned_at=told.planned_at,
        lateness_seconds=None if lateness is None else lateness.total_seconds(),
        actor=told.actor,
        detail=dict(told.detail),
        text=told.text,
    )
